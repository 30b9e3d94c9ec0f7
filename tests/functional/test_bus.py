import pytest
import torch

from dasp.functional import stereo_bus


def test_the_bus_is_the_sum_of_the_sends():
    x = torch.randn(5, 3, 2, 50, dtype=torch.float64)
    send_db = torch.tensor([0.0, 20.0, -20.0], dtype=torch.float64).expand(5, 3)
    y = stereo_bus(x, 44_100, send_db=send_db)
    assert y.shape == (5, 2, 50)
    torch.testing.assert_close(y, x[:, 0] + 10 * x[:, 1] + x[:, 2] / 10)


def test_mono_tracks_go_to_both_sides():
    x = torch.randn(4, 1, 50, dtype=torch.float64)
    y = stereo_bus(x, 44_100, send_db=0.0)
    torch.testing.assert_close(y, x.sum(0).expand(2, 50))


def test_the_order_of_the_tracks_does_not_matter():
    x, send_db = torch.randn(6, 2, 50, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    order = torch.randperm(6)
    torch.testing.assert_close(
        stereo_bus(x[order], 44_100, send_db=send_db[order]), stereo_bus(x, 44_100, send_db=send_db)
    )


def test_sends_that_move():
    x = torch.ones(2, 1, 3, dtype=torch.float64)
    send_db = torch.tensor([[0.0, 20.0, 40.0], [20.0, 0.0, 0.0]], dtype=torch.float64)
    y = stereo_bus(x, 44_100, send_db=send_db)
    torch.testing.assert_close(y, x.new_tensor([[11.0, 11.0, 101.0]]).expand(2, 3))


def test_no_tracks_are_silence():
    assert torch.equal(stereo_bus(torch.zeros(0, 2, 9), 44_100, send_db=0.0), torch.zeros(2, 9))


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"x: expected tracks of shape .*, got \(2, 100\)"):
        stereo_bus(torch.zeros(2, 100), 44_100, send_db=0.0)
    with pytest.raises(ValueError, match=r"x: .*with 1 or 2 channels, got \(4, 3, 100\)"):
        stereo_bus(torch.zeros(4, 3, 100), 44_100, send_db=0.0)
    with pytest.raises(ValueError, match=r"send_db: expected .*shape \(4,\).*got shape \(3,\)"):
        stereo_bus(torch.zeros(4, 2, 100), 44_100, send_db=torch.zeros(3))
