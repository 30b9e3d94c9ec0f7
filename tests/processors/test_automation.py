import numpy as np
import pytest
import torch

from dasp.processors.automation import block_knots, run_moving, straight_lines
from dasp.processors.catalogue import COMPRESSOR, HIGH_PASS

RATE = 8000


def test_lines_are_those_of_numpy():
    value, knots = torch.randn(3, 4, dtype=torch.float64), [2, 30, 31, 90]
    lines = straight_lines(value, knots, 80)
    for row, expected in zip(lines, value, strict=True):
        wanted = np.interp(np.arange(80), knots, expected.numpy())
        torch.testing.assert_close(row, torch.from_numpy(wanted))


def test_a_cross_fade_goes_from_one_run_to_the_next():
    """Before the first knot and after the last one run alone; half-way the mean of two."""
    x = torch.randn(1, 1000, dtype=torch.float64)
    knots, freq_hz = [200, 400, 700], torch.tensor([100.0, 800.0, 300.0], dtype=torch.float64)
    y = run_moving(HIGH_PASS, x, RATE, {"order": 2}, {"freq_hz": freq_hz}, knots)
    runs = [HIGH_PASS(x, RATE, freq_hz=f) for f in freq_hz]
    torch.testing.assert_close(y[:, :200], runs[0][:, :200])
    torch.testing.assert_close(y[:, 300], (runs[0] + runs[1])[:, 300] / 2)
    torch.testing.assert_close(y[:, 550], (runs[1] + runs[2])[:, 550] / 2)
    torch.testing.assert_close(y[:, 700:], runs[2][:, 700:])


@pytest.mark.parametrize("time", [150, 201, 399, 400, 401, 700])
def test_a_knot_may_lie_behind_the_end(time):
    x = torch.randn(1, 1000, dtype=torch.float64)
    knots, freq_hz = [200, 400, 700], torch.tensor([100.0, 800.0, 300.0], dtype=torch.float64)
    whole = run_moving(HIGH_PASS, x, RATE, {}, {"freq_hz": freq_hz}, knots)
    cut = run_moving(HIGH_PASS, x[:, :time], RATE, {}, {"freq_hz": freq_hz}, knots)
    torch.testing.assert_close(cut, whole[:, :time])


def test_settings_that_do_not_change_are_no_automation():
    """Also where a run starts late: its memory has filled before it is heard."""
    x = 0.5 * torch.randn(2, 5 * RATE, dtype=torch.float64)
    settings = {"threshold_db": -30.0, "attack_ms": 5.0, "release_ms": 100.0, "lookahead_ms": 5.0}
    moving = {"ratio": torch.full((6,), 4.0, dtype=torch.float64)}
    knots = block_knots(6, x.shape[-1])
    y = run_moving(COMPRESSOR, x, RATE, settings, moving, knots)
    torch.testing.assert_close(y, COMPRESSOR(x, RATE, ratio=4.0, **settings), atol=1e-4, rtol=0)
