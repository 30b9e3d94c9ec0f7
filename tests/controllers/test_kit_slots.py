"""Microphones find their slots by name and by role, and what finds none is named."""

import pytest
import torch

from dasp.controllers.kit_slots import fill_slots, hihat_is_left, in_slots
from dasp.controllers.wave_unet import DRUM_SLOTS
from dasp.mixing.song import Song


def filled(*names: str, channels: int = 1):
    """What slots hear of tracks that are 1, 2, 3 and so on; the second channel 10 times that."""
    levels = torch.arange(1.0, len(names) + 1)
    tracks = [level * torch.tensor([[1.0], [10.0]])[:channels].expand(-1, 4) for level in levels]
    slots = fill_slots(Song.of(names, tracks, 44_100), DRUM_SLOTS)
    heard = dict(zip(DRUM_SLOTS, slots.audio[:, 0].tolist(), strict=True))
    return {slot: x for slot, x in heard.items() if x}, slots


def test_tracks_find_their_slots_by_name_and_else_by_role():
    heard, _ = filled("Snare top", "tom_3", "OH R", "OH L", "Kik", "floor tom", "hats")
    assert heard == {
        "hihat": 7, "kick": 5, "overhead_L": 4, "overhead_R": 3, "snare": 1, "tom_1": 6, "tom_3": 2,
    }  # fmt: skip


def test_toms_come_in_the_order_of_their_numbers_and_the_floor_tom_last():
    heard, _ = filled("Floor Tom", "Rack Tom", "Tom 2")
    assert heard == {"tom_1": 2, "tom_2": 3, "tom_3": 1}
    heard, slots = filled("Floor Tom", "Tom1", "Tom2", "Tom3")
    assert heard == {"tom_1": 2, "tom_2": 3, "tom_3": 4 + 1}
    assert slots.together == {"tom_3": ("Tom3", "Floor Tom")}


def test_microphones_of_one_drum_are_heard_together():
    heard, slots = filled("Kick In", "Kick Out", "Snare Top", "Snare Bottom")
    assert heard == {"kick": 3, "snare": 7} and not slots.left_out
    assert slots.together == {
        "kick": ("Kick In", "Kick Out"), "snare": ("Snare Bottom", "Snare Top"),
    }  # fmt: skip


def test_what_has_no_slot_is_named():
    heard, slots = filled("Kick", "Room L", "Ride", "Bass", "Room R")
    assert heard == {"kick": 1} and slots.left_out == ("Room L", "Ride", "Bass", "Room R")


@pytest.mark.parametrize("names", [("OHL", "OHR"), ("Overheads right", "Overheads left")])
def test_overheads_go_to_their_sides(names):
    heard, _ = filled(*names)
    at = 1 + names.index("OHL") if "OHL" in names else 2
    assert heard == {"overhead_L": at, "overhead_R": 3 - at}


def test_two_overheads_without_a_side_are_left_and_right():
    assert filled("OH 1", "OH 2")[0] == {"overhead_L": 1, "overhead_R": 2}


def test_a_stereo_overhead_is_split_and_any_other_stereo_track_is_its_mean():
    heard, _ = filled("Overheads", "Kick", channels=2)
    assert heard == {"overhead_L": 1, "overhead_R": 10, "kick": 2 * 5.5}


def test_a_single_overhead_is_heard_by_both_with_its_power():
    heard, slots = filled("OH")
    assert heard["overhead_L"] == heard["overhead_R"]
    assert heard["overhead_L"] ** 2 + heard["overhead_R"] ** 2 == pytest.approx(1.0)
    assert not slots.together


def test_the_order_of_tracks_does_not_matter():
    names = ["kick", "OH left", "Tom 2", "OH right", "Tom 1", "snare"]
    tracks = list(torch.randn(6, 1, 5))
    there = in_slots(Song.of(names, tracks, 44_100), DRUM_SLOTS)
    back = in_slots(Song.of(names[::-1], tracks[::-1], 44_100), DRUM_SLOTS)
    assert torch.equal(there, back)


def test_a_track_without_a_slot_is_refused_where_all_are_wanted():
    with pytest.raises(ValueError, match=r"track 'gtr'.*none of the network's slots"):
        in_slots(Song.of(["gtr"], [torch.ones(1, 4)], 44_100), DRUM_SLOTS)


@pytest.mark.parametrize("near", ["overhead_L", "overhead_R"])
def test_the_hi_hat_is_where_the_overhead_shares_more_of_it(near):
    """Each overhead hears a noise of its own, and the nearer one more of the hi-hat."""
    hat, *noise = torch.randn(3, 48_000)
    audio = torch.zeros(8, 48_000)
    audio[0] = hat
    for x, slot in zip(noise, ("overhead_L", "overhead_R"), strict=True):
        audio[DRUM_SLOTS.index(slot)] = 0.5 * x + (2.0 if slot == near else 0.5) * hat
    assert hihat_is_left(audio, DRUM_SLOTS, 16_000) == (near == "overhead_L")


def test_nothing_tells_where_a_hi_hat_is_that_overheads_do_not_hear():
    """It plays in the second half, and all else in the first."""
    audio = torch.randn(8, 48_000)
    audio[0, :24_000] = 0
    audio[1:, 24_000:] = 0
    audio[2] *= 2
    assert not hihat_is_left(audio, DRUM_SLOTS, 16_000)
    audio[0] = 0
    assert not hihat_is_left(audio, DRUM_SLOTS, 16_000)


def test_bleed_into_the_hi_hat_does_not_tell_where_it_is():
    """The snare is louder in its microphone than it is, and on the other side."""
    hat, snare = torch.randn(2, 96_000) * (torch.rand(2, 24).repeat_interleave(4000, -1) > 0.6)
    audio = torch.zeros(8, 96_000)
    audio[0], audio[4] = hat + 2 * snare, 5 * snare
    audio[2], audio[3] = 0.3 * hat + 2 * snare, hat + snare
    assert not hihat_is_left(audio, DRUM_SLOTS, 16_000)
    audio[[2, 3]] = audio[[3, 2]]
    assert hihat_is_left(audio, DRUM_SLOTS, 16_000)
