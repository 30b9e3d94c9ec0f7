"""What a network is trained on that is to imitate a processor: what is drawn, and the losses."""

import pytest
import torch

from dasp.processors.catalogue import COMPRESSOR
from dasp.songs.multitrack import Multitrack, Recording
from dasp.training.imitation import Pairs, change_loss, output_loss


def noise(*shape: int) -> Multitrack:
    return Multitrack("noise", 8000, (Recording("noise", "other", torch.randn(shape)),))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_losses_are_zero_for_equal_outputs_alone():
    y = torch.randn(6, 1, 2048)
    assert output_loss(y, y) == 0
    assert change_loss(y, y) < 2e-3
    # Adding one sound to both of a pair is no error of the change; doubling both is one of 100 %.
    added = torch.randn(3, 1, 2048).repeat(2, 1, 1)
    assert change_loss(y + added, y) < 2e-3
    torch.testing.assert_close(change_loss(2 * y, y), torch.tensor(1.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize("span", [0.5, 1.0])
def test_controls_fill_the_middle_of_their_ranges(span):
    draw, chance = Pairs([noise(1, 500)], 100, COMPRESSOR.n_controls, span), generator()
    drawn = [draw(chance) for _ in range(2000)]
    here, there = (torch.stack([getattr(d, k) for d in drawn]) for k in ("here", "there"))
    assert here.min() >= 0.5 - span / 2 and here.max() <= 0.5 + span / 2
    torch.testing.assert_close(here.mean(), torch.tensor(0.5), atol=0.01, rtol=0)
    torch.testing.assert_close(here.std(), torch.tensor(span / 12**0.5), atol=0.01, rtol=0)
    changed = (there != here).float().mean()
    torch.testing.assert_close(changed, torch.tensor(0.3), atol=0.02, rtol=0)


def test_windows_peak_between_the_two_levels():
    draw, chance = Pairs([noise(2, 500)], 100, 1), generator()
    x = torch.stack([draw.sound(chance) for _ in range(200)])
    peaks_db = 20 * x.abs().amax((1, 2)).log10()
    assert x.shape == (200, 1, 100)
    assert peaks_db.min() >= -24.01 and peaks_db.max() <= 1e-4
    assert peaks_db.max() - peaks_db.min() > 20


def test_recordings_that_are_too_short_are_not_heard():
    draw = Pairs([noise(1, 99), noise(1, 100)], 100, 1)
    assert all(draw.sound(generator(seed)).any() for seed in range(20))
    with pytest.raises(ValueError, match="window"):
        Pairs([noise(1, 99)], 100, 1)
