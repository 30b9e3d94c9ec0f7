"""From where a drum kit is seen: a made-up kit whose overheads hear the hi-hat where it stands."""

import warnings
from dataclasses import replace

import pytest
import torch

from dasp.controllers.kit_view import kit_seen_from, seen_from
from dasp.controllers.systems import automatic_mix
from dasp.controllers.table import SYSTEMS
from dasp.mixing.mixdown import mix_down, prepared_tracks
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes
from dasp.songs.multitrack import load_folder

RATE = 16_000


def hits(seed, period):
    """Bursts of noise, which fade."""
    draw = torch.Generator().manual_seed(seed)
    t = torch.arange(3 * RATE)
    return 0.2 * torch.randn(1, 3 * RATE, generator=draw) * torch.exp(-(t % period) / 800)


HAT, TOM, KICK = hits(0, 4000), hits(1, 9000), hits(2, 8000)
NEAR_HAT = HAT + 0.3 * TOM.roll(40) + 0.5 * KICK
NEAR_TOM = 0.3 * HAT.roll(40) + TOM + 0.5 * KICK
"""A drummer has the hi-hat on the left."""


def kit(*overheads):
    names = ("hat", "tom", "kick", *(name for name, _ in overheads))
    roles = ("hihat", "tom", "kick", *("overhead",) * len(overheads))
    return Song(names, roles, (HAT, TOM, KICK, *(audio for _, audio in overheads)), RATE)


PAIR = kit(("OH L", NEAR_HAT), ("OH R", NEAR_TOM))
STEREO = kit(("OH", torch.cat((NEAR_HAT, NEAR_TOM))))


def side_of_hat(mix, song):
    """1 where the overheads of a mix have the hi-hat on the right, -1 for the left."""
    quiet = [0 * x if i < 3 else x for i, x in enumerate(song.tracks)]
    left, right = mix_down(quiet, replace(mix, master=(), groups=tuple(
        replace(group, strip=()) for group in mix.groups
    )))  # fmt: skip
    return 1 if (right @ HAT[0]).abs() > (left @ HAT[0]).abs() else -1


@pytest.mark.parametrize("song", [PAIR, STEREO], ids=["pair", "stereo"])
@pytest.mark.parametrize(("view", "side"), [("drummer", -1), ("audience", 1)])
def test_every_system_shows_the_kit_as_it_is_wished(song, view, side):
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=Wishes(kit=view))
        assert side_of_hat(mix, song) == side, system
        assert kit_seen_from(mix, prepared_tracks(song.tracks, mix)) == view


def test_turning_a_kit_round_twice_is_as_before():
    for song in (PAIR, STEREO):
        mix = automatic_mix(song, system="rules")
        view = kit_seen_from(mix, song.tracks)
        other = {"drummer": "audience", "audience": "drummer"}[view]
        turned = seen_from(mix, song.tracks, other)
        again = seen_from(turned, prepared_tracks(song.tracks, turned), view)
        assert [t.strip for t in again.tracks] == [t.strip for t in mix.tracks]
        assert not any(track.prepare for track in again.tracks)
        x, y = (mix_down(song.tracks, one) for one in (mix, turned))
        assert torch.allclose(x.flip(0), y, atol=1e-4)


def test_a_place_that_is_wished_stands_against_the_view():
    mix = automatic_mix(PAIR, system="rules", wishes=Wishes(kit="audience", pan={"hat": "left"}))
    assert mix.tracks[0].strip[-1].settings["pan"] == -1.0
    assert side_of_hat(mix, PAIR) == 1


def test_a_kit_that_does_not_tell_is_left_alone():
    mix = Mix(RATE, (Track("kick", role="kick"), Track("OH", role="overhead")))
    tracks = [KICK, torch.cat((NEAR_HAT, NEAR_TOM))]
    with pytest.warns(UserWarning, match="kit: no track of a hi-hat or a floor tom"):
        assert seen_from(mix, tracks, "drummer") == mix
    assert kit_seen_from(mix, tracks) == ""


def test_a_floor_tom_tells_by_the_other_side():
    song = Song(
        ("floor tom", "kick", "OH"), ("tom", "kick", "overhead"),
        (TOM, KICK, torch.cat((NEAR_HAT, NEAR_TOM))), RATE,
    )  # fmt: skip
    assert kit_seen_from(song.plain_mix(), song.tracks) == "drummer"


def test_the_overheads_of_a_real_kit(shared_data):
    """Its engineer placed the overheads the other way round than their names say."""
    song = load_folder(shared_data / "drums_enst066" / "tracks").song
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for view, sign in (("drummer", -1), ("audience", 1)):
            mix = automatic_mix(song, system="rules", wishes=Wishes(kit=view))
            pans = {track.name: track.strip[-1].settings["pan"] for track in mix.tracks}
            assert pans["overheadL"] * sign > 0 > pans["overheadR"] * sign
