"""Long filters, beside the dense equations and filters that are known."""

import numpy as np
import pytest
import torch

from dasp.estimation.least_squares import fit_filters
from dasp.estimation.long_filter import fit_long_filter


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def coloured(time):
    """Two channels, of which the second has next to no treble, which makes for a hard system."""
    x = noise(2, time)
    x[1] = torch.cumsum(x[1], 0)
    return x


@pytest.mark.parametrize("taps", [1, 2, 30, 101])
@pytest.mark.parametrize("time", [60, 5000])
def test_the_filter_is_that_of_the_dense_equations(taps, time):
    """Also where it is longer than the signal, and where the signal is cut off in the middle."""
    x, target = coloured(time), noise(2, time, seed=1)
    found = fit_long_filter(x, target, taps=taps, ridge=1e-6)
    expected = fit_filters(x[None], target, taps=taps, ridge=1e-6).filters[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * expected.abs().max().item())


def test_a_long_response_is_found_again():
    x, h = noise(1, 60_000), noise(1, 8000) * torch.linspace(0, -7, 8000).exp()
    target = torch.from_numpy(np.convolve(x[0], h[0])[None, :60_000])
    found = fit_long_filter(x, target, taps=8000, ridge=1e-9)
    assert (found - h).norm() < 1e-4 * h.norm()


def test_silence_has_no_filter():
    x = noise(2, 300)
    x[0] = 0
    found = fit_long_filter(x, noise(2, 300, seed=1), taps=9, ridge=1e-6)
    assert found[0].abs().max() == 0 and found[1].abs().max() > 0


@pytest.mark.parametrize(
    "change, message",
    [({"taps": 0}, "taps"), ({"ridge": 0.0}, "ridge"), ({"target": torch.ones(2, 9)}, "target")],
)
def test_what_is_refused(change, message):
    arguments = {"x": noise(2, 300), "target": noise(2, 300), "taps": 3, "ridge": 1e-6} | change
    with pytest.raises(ValueError, match=message):
        fit_long_filter(**arguments)
