import pytest
import torch

from dasp.signal.gain_computer import soft_knee


@pytest.mark.parametrize("knee_db", [0.5, 6.0, 24.0])
def test_soft_knee_is_continuous_in_value_and_slope(knee_db):
    knee = torch.tensor(knee_db, dtype=torch.float64)
    step = 1e-7
    for edge, value, slope in ((-knee_db / 2, 0.0, 0.0), (knee_db / 2, knee_db / 2, 1.0)):
        for side in (-step, step):
            over = torch.tensor(edge + side, dtype=torch.float64, requires_grad=True)
            y = soft_knee(over, knee)
            assert y.item() == pytest.approx(value, abs=2 * step)
            (gradient,) = torch.autograd.grad(y, over)
            assert gradient.item() == pytest.approx(slope, abs=2 * step / knee_db)
