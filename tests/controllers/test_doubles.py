"""Doubles: together as loud as one, spread where they accompany, and what stays."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.doubles import as_one_part, parts_played_again
from dasp.controllers.systems import automatic_mix
from dasp.controllers.table import SYSTEMS
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.mixdown import mix_stems
from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes
from dasp.processors.catalogue import GAIN, STEREO_PANNER
from dasp.processors.stage import Stage, setting

RATE = 16_000
NAMES = ("take 1", "take 2", "keys")


def noise(seed, channels=1):
    draw = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, 4 * RATE, generator=draw)


def started(role, tracks=None):
    """Two takes, of which the second doubles the first, and keys."""
    song = Song(NAMES, (role, role, "keys"), tracks or tuple(map(noise, range(3))), RATE)
    first, second, keys = song.plain_mix().tracks
    second = replace(second, prepare=Preparation(double_of="take 1"))
    return song, Mix(RATE, (first, second, keys))


def loudness(mix, song, names):
    stems = [s.audio for s in mix_stems(song.tracks, replace(mix, master=())) if s.name in names]
    return measure_loudness(sum(stems), RATE).item()


def test_together_they_are_as_loud_as_one_was():
    song, mix = started("vocal")
    one = loudness(mix, song, NAMES[:1])
    made = as_one_part(mix, song, parts_played_again(mix), -18.0)
    assert loudness(made, song, NAMES[:2]) == pytest.approx(one, abs=0.05)
    assert made.tracks[2] == mix.tracks[2] and "as loud as one" in made.notes[0]


def test_a_take_that_plays_when_the_other_pauses_is_hardly_lowered():
    plays = torch.arange(4 * RATE) < 2 * RATE
    song, mix = started("vocal", (noise(0) * plays, noise(1) * ~plays, noise(2)))
    made = as_one_part(mix, song, [NAMES[:2]], -18.0)
    assert -0.5 < gain_of(made.tracks[0]) <= 0  # where one ends and the other begins


@pytest.mark.parametrize(("role", "pans"), [("backing vocal", [-0.5, 0.5]), ("vocal", [0.0, 0.0])])
def test_those_that_accompany_are_spread_and_leads_are_not(role, pans):
    song, mix = started(role)
    made = as_one_part(mix, song, [NAMES[:2]], -18.0)
    assert [setting(track.strip, "pan", 0.0) for track in made.tracks[:2]] == pans


def test_those_that_are_stereo_or_stand_apart_stay_where_they_are():
    song, mix = started("guitar", tuple(noise(i, 2) for i in range(3)))
    made = as_one_part(mix, song, [NAMES[:2]], -18.0)
    assert [setting(track.strip, "pan", 0.0) for track in made.tracks] == [0.0] * 3
    song, mix = started("guitar")
    first, second, keys = mix.tracks
    apart = [replace(t, strip=(Stage(STEREO_PANNER, {"pan": p}),))
             for t, p in ((first, 0.8), (second, -0.1))]  # fmt: skip
    made = as_one_part(replace(mix, tracks=(*apart, keys)), song, [NAMES[:2]], -18.0)
    assert [setting(track.strip, "pan", 0.0) for track in made.tracks] == [0.8, -0.1, 0.0]


def test_what_is_locked_stays():
    song, mix = started("guitar")
    fader = (Stage(GAIN, {"gain_db": 3.0}, locked=True),)
    first, second, keys = mix.tracks
    mix = replace(mix, tracks=(replace(first, strip=fader), replace(second, locked=True), keys))
    made = as_one_part(mix, song, [NAMES[:2]], -18.0)
    assert made.tracks[0].strip == fader and made.tracks[1] == mix.tracks[1]


@pytest.mark.parametrize("system", SYSTEMS)
def test_with_every_system_a_voice_sung_twice_is_as_loud_as_one_and_a_wish_wins(system):
    song, start = started("vocal")
    mix = automatic_mix(song, start, system=system)
    plain = automatic_mix(song, song.plain_mix(), system=system)
    alone = max(loudness(plain, song, [name]) for name in NAMES[:2])
    by_db = loudness(plain, song, NAMES[:2]) - alone
    gains = [gain_of(m.tracks[0]) - gain_of(m.tracks[2]) for m in (mix, plain)]
    assert gains[1] - gains[0] == pytest.approx(by_db, abs=0.1)
    assert any("doubles of one part" in note for note in mix.notes)
    wished = automatic_mix(song, start, system=system, wishes=Wishes(priority={"take 2": "high"}))
    assert gain_of(wished.tracks[1]) - gain_of(mix.tracks[1]) == pytest.approx(
        3 + gain_of(wished.tracks[0]) - gain_of(mix.tracks[0]), abs=0.01
    )


def gain_of(track):
    """All gains of a strip, those that move at their end."""
    gains = [stage for stage in track.strip if stage.processor is GAIN]
    return sum(
        (stage.automation.get("gain_db") or [stage.settings.get("gain_db", 0.0)])[-1]
        for stage in gains
    )


def test_a_double_is_kept_in_the_document_and_one_that_is_muted_has_no_say(tmp_path):
    _, mix = started("vocal")
    save_mix(tmp_path / "mix.json", mix)
    assert load_mix(tmp_path / "mix.json").tracks[1].prepare.double_of == "take 1"
    first, second, keys = mix.tracks
    assert parts_played_again(replace(mix, tracks=(first, replace(second, mute=True), keys))) == []
    assert parts_played_again(Mix(RATE, (Track("a"), second))) == []
