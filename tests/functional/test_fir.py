import pytest
import scipy.signal
import torch

import dasp.functional as F

RATE = 44_100


def test_each_channel_has_its_filter():
    x, taps = torch.randn(3, 2, 200, dtype=torch.float64), torch.randn(3, 2, 9, dtype=torch.float64)
    y = F.fir(x, RATE, taps=taps)
    for i in range(3):
        for side in range(2):
            expected = scipy.signal.lfilter(taps[i, side].numpy(), 1.0, x[i, side].numpy())
            torch.testing.assert_close(y[i, side], torch.from_numpy(expected))


def test_a_filter_a_side_makes_mono_stereo():
    x = torch.tensor([[1.0, 0.0, 0.0]])
    y = F.fir(x, RATE, taps=[[1.0, 2.0], [0.0, 3.0]])
    torch.testing.assert_close(y, torch.tensor([[1.0, 2.0, 0.0], [0.0, 3.0, 0.0]]))
    half = F.fir(x, RATE, taps=[[1.0, 2.0], [0.0, 3.0]], mix=0.5)
    torch.testing.assert_close(half, torch.tensor([[1.0, 1.0, 0.0], [0.5, 1.5, 0.0]]))


@pytest.mark.parametrize("shape", [(0,), (3, 5), (2, 2, 5), ()])
def test_taps_that_fit_no_channel(shape):
    with pytest.raises(ValueError, match="taps: expected shape"):
        F.fir(torch.zeros(2, 100), RATE, taps=torch.zeros(shape))
