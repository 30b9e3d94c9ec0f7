"""The picture of a fit: three panels, whose curves agree where the fit is exact."""

import pytest
import torch

pytest.importorskip("matplotlib")

from dasp.estimation import Fit
from dasp.pictures import draw_fit
from dasp.processors.catalogue import GAIN


def test_an_exact_fit_lies_on_the_recording():
    dry = torch.randn(1, 24_000)
    found = Fit(GAIN, {"gain_db": -6.0}, {"polish": -60.0}, 0.0, ())
    response, gain, residual, _ = draw_fit(found, dry, GAIN(dry, 48_000, gain_db=-6.0), 48_000).axes
    for axes in (response, gain):
        recorded, fitted, *_ = (torch.as_tensor(line.get_ydata()) for line in axes.lines)
        torch.testing.assert_close(recorded, fitted, atol=1e-3, rtol=0)
        torch.testing.assert_close(fitted, torch.full_like(fitted, -6.0), atol=1e-3, rtol=0)
    assert residual.get_ylabel() == "frequency (Hz)"
