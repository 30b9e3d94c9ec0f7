import math

import numpy as np
import pytest
import torch

from dasp.functional import de_esser
from tests.functional.crossover import RATE, impulse, linkwitz_riley, magnitude_db


def de_essed_by_loop(x, *, freq_hz, threshold_db, ratio, attack_ms, release_ms, range_db):
    """Two channels whose louder one sets the gain of the band above `freq_hz`."""
    low, high = (linkwitz_riley(x, freq_hz, kind) for kind in ("low", "high"))
    attack, release = (math.exp(-1000 / (ms * RATE)) for ms in (attack_ms, release_ms))
    reduction, y = 0.0, np.zeros_like(x)
    for n in range(x.shape[-1]):
        level_db = 20 * math.log10(max(np.abs(high[:, n]).max(), 1e-8))
        target = min((1 - 1 / ratio) * max(level_db - threshold_db, 0.0), range_db)
        p = attack if target > reduction else release
        reduction = p * reduction + (1 - p) * target
        y[:, n] = low[:, n] + 10 ** (-reduction / 20) * high[:, n]
    return y


@pytest.mark.parametrize("range_db", [0.0, 4.0, 60.0])
@pytest.mark.parametrize("freq_hz", [2000.0, 7000.0])
def test_it_equals_scipy_and_a_written_out_loop(freq_hz, range_db):
    x = 0.3 * torch.randn(2, 2000, dtype=torch.float64)
    settings = {
        "freq_hz": freq_hz, "threshold_db": -25.0, "ratio": 5.0, "attack_ms": 0.7,
        "release_ms": 12.0, "range_db": range_db,
    }  # fmt: skip
    y = de_esser(x, RATE, **settings)
    np.testing.assert_allclose(y, de_essed_by_loop(x.numpy(), **settings), rtol=0, atol=1e-9)


def test_it_is_flat_while_it_does_nothing():
    y = de_esser(impulse(height=0.01), RATE, freq_hz=5000.0, threshold_db=-30.0)
    assert (magnitude_db(y) - 20 * math.log10(0.01)).abs().max() < 1e-6


def test_it_leaves_the_voice_and_lowers_the_sibilant_by_its_range_at_most():
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    for freq_hz, expected_db in ((300.0, 0.0), (15_000.0, -8.0)):
        x = 0.9 * torch.sin(2 * torch.pi * freq_hz * t)[None]
        y = de_esser(
            x, RATE, freq_hz=4000.0, threshold_db=-60.0, ratio=20.0, attack_ms=1.0,
            release_ms=1000.0, range_db=8.0,
        )  # fmt: skip
        change_db = 20 * torch.log10(y[..., RATE // 2 :].norm() / x[..., RATE // 2 :].norm())
        assert change_db.item() == pytest.approx(expected_db, abs=0.2)


@pytest.mark.parametrize("linked", [True, False])
def test_it_linked_or_not(linked):
    x = 0.3 * torch.randn(2, 1000, dtype=torch.float64) * torch.tensor([[1.0], [0.01]])
    y = de_esser(x, RATE, freq_hz=4000.0, threshold_db=-20.0, linked=linked)
    quiet = de_esser(x[1:], RATE, freq_hz=4000.0, threshold_db=-20.0)
    assert torch.allclose(y[1:], quiet) is not linked
