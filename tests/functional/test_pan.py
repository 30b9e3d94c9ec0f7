import math

import pytest
import torch

from dasp.functional import stereo_panner
from dasp.functional.pan import PAN_LAWS_DB

every_law = pytest.mark.parametrize("law_db", PAN_LAWS_DB)
SWEEP = torch.linspace(-1, 1, 41, dtype=torch.float64)


def gains(law_db, channels=1):
    """Gains `(positions, 2)` of left and right over a sweep of `pan`."""
    x = torch.ones(41, channels, 1, dtype=torch.float64)
    return stereo_panner(x, 44_100, pan=SWEEP, law_db=law_db)[..., 0]


@every_law
def test_mono_in_the_centre_and_at_the_ends(law_db):
    g = gains(law_db)
    assert g.shape == (41, 2)
    # -3, -4.5 and -6 dB are the names of these powers of one half.
    centre = 0.5 ** (law_db / -6)
    torch.testing.assert_close(g[20], g.new_tensor([centre, centre]))
    assert 20 * math.log10(centre) == pytest.approx(law_db, abs=0.03)
    torch.testing.assert_close(g[0], g.new_tensor([1.0, 0.0]), rtol=1e-12, atol=0)
    torch.testing.assert_close(g[-1], g.new_tensor([0.0, 1.0]), rtol=1e-12, atol=0)
    torch.testing.assert_close(g, g.flip(0, 1))  # left is right in a mirror
    assert (g[:, 1].diff() > 0).all()


def test_what_each_law_keeps_constant():
    power, between, amplitude = (gains(law_db) for law_db in PAN_LAWS_DB)
    ones = torch.ones(41, dtype=torch.float64)
    torch.testing.assert_close(power.square().sum(-1), ones)
    torch.testing.assert_close(amplitude.sum(-1), ones)
    torch.testing.assert_close(between, (power * amplitude).sqrt())  # half-way, in decibels


@every_law
def test_balance_in_the_centre_changes_nothing(law_db):
    x = torch.randn(2, 100)
    assert torch.equal(stereo_panner(x, 44_100, pan=0.0, law_db=law_db), x)


@every_law
def test_balance_fades_one_side_by_the_same_law(law_db):
    mono, stereo = gains(law_db), gains(law_db, channels=2)
    ones = torch.ones(21, dtype=torch.float64)
    torch.testing.assert_close(stereo[:21, 0], ones)
    torch.testing.assert_close(stereo[20:, 1], ones)
    torch.testing.assert_close(stereo[:21, 1], mono[:21, 1] / mono[20, 1])
    torch.testing.assert_close(stereo[20:, 0], mono[20:, 0] / mono[20, 0])
    assert stereo[0, 1] == 0 and stereo[-1, 0] == 0


@every_law
@pytest.mark.parametrize("channels", [1, 2])
def test_gradients_at_the_ends_are_finite(law_db, channels):
    pan = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    stereo_panner(torch.ones(3, channels, 4), 44_100, pan=pan, law_db=law_db).sum().backward()
    assert pan.grad.isfinite().all()


def test_the_slope_at_the_end_of_constant_power():
    """The silent side is sin(pi / 4 (pan + 1)): it comes in with the slope pi / 4."""
    pan = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    y = stereo_panner(torch.ones(1, 1, dtype=torch.float64), 44_100, pan=pan)
    y[1].sum().backward()
    assert pan.grad.item() == pytest.approx(math.pi / 4)


@every_law
@pytest.mark.parametrize("channels", [1, 2])
def test_a_pan_that_moves_is_its_positions_one_by_one(law_db, channels):
    x = torch.randn(channels, 41, dtype=torch.float64)
    y = stereo_panner(x, 44_100, pan=SWEEP, law_db=law_db)
    for n in range(41):
        still = stereo_panner(x[:, n : n + 1], 44_100, pan=SWEEP[n], law_db=law_db)
        torch.testing.assert_close(y[:, n : n + 1], still)


def test_errors_name_the_argument():
    with pytest.raises(ValueError, match=r"pan: expected at least -1 and at most 1, got 1.5"):
        stereo_panner(torch.zeros(1, 10), 44_100, pan=1.5)
    with pytest.raises(ValueError, match="x: expected 1 or 2 channels, got 3"):
        stereo_panner(torch.zeros(3, 10), 44_100, pan=0.0)
    with pytest.raises(ValueError, match=r"law_db: expected one of -3.0, -4.5, -6.0, got -2"):
        stereo_panner(torch.zeros(1, 10), 44_100, pan=0.0, law_db=-2)
