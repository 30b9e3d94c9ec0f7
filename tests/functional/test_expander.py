import numpy as np
import pytest
import scipy.signal
import torch

from dasp.functional import expander
from tests.functional.swells import SAMPLE_RATE, level_db, pole, swells

EXPANDER = {
    "threshold_db": -20.0,
    "ratio": 2.5,
    "attack_ms": 2.0,
    "release_ms": 15.0,
    "knee_db": 8.0,
    "range_db": 30.0,
}


def expander_gains(key, *, threshold_db, ratio, attack_ms, release_ms, knee_db, range_db):
    """Gain of every sample of one channel."""

    def static(level):
        under = threshold_db - level
        if 2 * under <= -knee_db:
            reduction = 0.0
        elif 2 * under < knee_db:
            reduction = (ratio - 1) * (under + knee_db / 2) ** 2 / (2 * knee_db)
        else:
            reduction = (ratio - 1) * under
        return -min(reduction, range_db)

    gain_db, gains = static(-160.0), []
    for sample in key:
        target = static(level_db(sample))
        p = pole(attack_ms) if target > gain_db else pole(release_ms)
        gain_db = p * gain_db + (1 - p) * target
        gains.append(10 ** (gain_db / 20))
    return np.array(gains)


@pytest.mark.parametrize(
    "changed",
    [{}, {"knee_db": 0.0}, {"ratio": 1e3}, {"range_db": 6.0}, {"attack_ms": 20.0}],
)
def test_expander_equals_a_written_out_loop(changed):
    x, settings = swells(2, 1500), {**EXPANDER, **changed}
    alone = expander(x, SAMPLE_RATE, **settings, linked=False)
    for channel in (0, 1):
        expected = x[channel].numpy() * expander_gains(x[channel].numpy(), **settings)
        np.testing.assert_allclose(alone[channel], expected, rtol=0, atol=1e-9)
    expected = x.numpy() * expander_gains(x.abs().amax(0).numpy(), **settings)
    np.testing.assert_allclose(expander(x, SAMPLE_RATE, **settings), expected, rtol=0, atol=1e-9)


def test_side_chain_and_its_high_pass():
    x, key = swells(2, 1000), swells(1, 1000)
    sos = scipy.signal.butter(2, 900.0, "high", fs=SAMPLE_RATE, output="sos")
    expected = x.numpy() * expander_gains(scipy.signal.sosfilt(sos, key[0].numpy()), **EXPANDER)
    y = expander(x, SAMPLE_RATE, **EXPANDER, sidechain=key, sidechain_high_pass_hz=900.0)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9)


def test_static_curve_of_the_expander():
    """Below the threshold 1 dB becomes `ratio`, down to the range."""
    levels = torch.arange(-80.0, 1.0, 4.0, dtype=torch.float64)
    x = (10 ** (levels / 20))[:, None, None].expand(-1, 1, 50)
    y = expander(
        x, 48_000, threshold_db=-20, ratio=3, attack_ms=0, release_ms=0, knee_db=0, range_db=50
    )
    expected = torch.where(levels < -20, levels - 2 * (-20 - levels), levels)
    expected = torch.maximum(expected, levels - 50)
    torch.testing.assert_close(20 * torch.log10(y[:, 0, -1]), expected)
