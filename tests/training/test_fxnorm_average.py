"""Songs brought to an average: of all alike, and nothing else."""

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.fxnorm import GROUPS, load_features, measure_effects
from dasp.controllers.fxnorm.features import RATE
from dasp.signal.biquad import design_high_shelf
from dasp.signal.iir import sosfilt
from dasp.training.fxnorm_average import changed, changes_to_average, side_db, together
from dasp.units import db_to_gain

WHERE = slice(8, 600)
"""Points of a curve from 170 Hz to 13 kHz: a filter of 1,001 taps cannot follow it further down."""


def song(seed: int, levels_db: list[float], shelf_db: float = 0.0) -> torch.Tensor:
    """Noise in four stems at given levels, all behind one shelf."""
    noise = torch.randn(8, 2 * RATE, generator=torch.Generator().manual_seed(seed))
    shelf = design_high_shelf(3000.0, RATE, gain_db=shelf_db)
    gains = torch.tensor(levels_db).repeat_interleave(2)[:, None]
    return sosfilt(noise, shelf)[0] * db_to_gain(gains - 30.0)


@pytest.fixture(scope="module")
def songs():
    return [song(0, [0.0, -3.0, -6.0, 2.0]), song(1, [-4.0, -3.0, -2.0, 0.0], shelf_db=6.0)]


@pytest.fixture(scope="module")
def after(songs):
    changes = changes_to_average([(one, one) for one in songs])
    return [changed(one, changes) for one in songs]


def lufs(song: torch.Tensor) -> torch.Tensor:
    return torch.stack([measure_loudness(stem, RATE) for stem in song.split(2)])


def test_their_average_is_the_normaliser_s(after):
    wanted = load_features()
    for i, group in enumerate(GROUPS):
        own = [measure_effects(one[2 * i : 2 * i + 2], RATE, group).spectrum for one in after]
        ratio_db = 20 * (torch.stack(own).mean(0) / wanted[group].spectrum)[WHERE].log10()
        assert (ratio_db - ratio_db.mean()).abs().median() < 1.0, group
    levels = torch.tensor([wanted[group].loudness_lufs for group in GROUPS])
    beside = torch.stack([lufs(one) - together(lufs(one).tolist()) for one in after]).mean(0)
    torch.testing.assert_close(beside, levels - together(levels.tolist()), rtol=0, atol=0.7)


def test_what_tells_one_song_from_another_stays(songs, after):
    before, behind = (lufs(one) - lufs(other) for one, other in (songs, after))
    torch.testing.assert_close(before, behind, rtol=0, atol=0.01)
    for i, group in enumerate(GROUPS):
        steps = [
            measure_effects(those[1][2 * i : 2 * i + 2], RATE, group).spectrum
            / measure_effects(those[0][2 * i : 2 * i + 2], RATE, group).spectrum
            for those in (songs, after)
        ]
        # That of the shelf, at whatever level a reference loudness puts it.
        first, second = (20 * (x / x[100]).log10()[WHERE] for x in steps)
        assert (first - second).abs().median() < 0.5


def test_they_are_as_wide_on_average_as_what_is_normalised(songs):
    def widths(song):
        return torch.tensor([side_db(stem) for stem in song.split(2)])

    def by_side(song, gain):
        left, right = song.unflatten(0, (4, 2)).unbind(1)
        middle, side = left + right, gain * (left - right)
        return torch.stack((middle + side, middle - side), 1).flatten(0, 1) / 2

    narrow = [by_side(one, gain) for one, gain in zip(songs, (0.5, 0.2), strict=True)]
    changes = changes_to_average(list(zip(songs, narrow, strict=True)))
    after = [changed(one, changes) for one in songs]
    wanted, own = (torch.stack([widths(one) for one in those]).mean(0) for those in (narrow, after))
    torch.testing.assert_close(own, wanted, rtol=0, atol=0.2)
    between, before = (widths(first) - widths(second) for first, second in (after, songs))
    torch.testing.assert_close(between, before, rtol=0, atol=0.5)  # of what a filter lets through
    mono = [(by_side(one, 0.0), one) for one in songs]
    most = changes_to_average(mono)["other"].side_db
    assert most == 12.0


def test_silent_stems_stay_so_and_groups_that_no_song_has_are_not_changed():
    one = song(2, [0.0, 0.0, 0.0, 0.0])
    one[:2] = 0.0
    changes = changes_to_average([(one, one)])
    assert "vocals" not in changes and len(changes) == 3
    assert not changed(one, changes)[:2].any()
    other = song(3, [0.0, 0.0, 0.0, 0.0])
    assert torch.equal(changed(other, changes)[:2], other[:2])
