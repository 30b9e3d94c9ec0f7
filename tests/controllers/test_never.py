"""What a listener would never forgive: places, widths, levels and noise, and what stays."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_stereo_imbalance
from dasp.controllers.never import without_the_unforgivable
from dasp.controllers.systems import automatic_mix
from dasp.controllers.table import SYSTEMS
from dasp.mixing.mixdown import mix_stems
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.wishes import Wishes
from dasp.processors.catalogue import (
    COMPRESSOR,
    FEEDBACK_DELAY_NETWORK,
    GAIN,
    STEREO_PANNER,
    STEREO_WIDENER,
)
from dasp.processors.stage import Stage, setting

RATE = 16_000


def noise(seed, channels=1, seconds=4.0):
    draw = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(channels, round(seconds * RATE), generator=draw)


def judged(roles, tracks, strips, **parts):
    names = tuple(f"{role} {'abc'[i]}" for i, role in enumerate(roles))
    song = Song(names, tuple(roles), tuple(tracks), RATE)
    own = [Track(n, role=r, strip=s) for n, r, s in zip(names, roles, strips, strict=True)]
    mix = Mix(RATE, tuple(own), **parts)
    return without_the_unforgivable(mix, song, song.plain_mix(), -18.0)


def fader(gain_db=0.0, pan=0.0):
    return (Stage(GAIN, {"gain_db": gain_db}), Stage(STEREO_PANNER, {"pan": pan}))


@pytest.mark.parametrize("role", ["vocal", "bass", "kick", "snare"])
def test_a_lead_comes_to_the_middle_and_a_guitar_stays_where_it_is(role):
    mix = judged((role, "guitar"), (noise(0), noise(1)), (fader(pan=-0.31), fader(pan=-0.31)))
    assert [setting(track.strip, "pan", 0.0) for track in mix.tracks] == [0.0, -0.31]
    assert len(mix.notes) == 1 and "middle" in mix.notes[0]


def test_a_mix_like_another_has_its_places_from_there_and_no_noise_either():
    voice, keys, _ = spoken()
    song = Song(("voice", "keys", "pad"), ("vocal", "keys", "pad"), (voice, keys, keys), RATE)
    strips = (fader(40.0, pan=0.5), fader(), fader())
    own = [Track(n, role=r, strip=s)
           for n, r, s in zip(song.names, song.roles, strips, strict=True)]  # fmt: skip
    mix = without_the_unforgivable(
        Mix(RATE, tuple(own)), song, song.plain_mix(), -18.0, like_another=True
    )
    assert setting(mix.tracks[0].strip, "pan", 0.0) == 0.5
    assert setting(mix.tracks[0].strip, "gain_db") < 40.0
    assert len(mix.notes) == 1 and "noise" in mix.notes[0]


def test_a_stereo_lead_that_leans_is_balanced_until_both_sides_have_one_power():
    leaning = noise(0, 2) * torch.tensor([[1.0], [0.5]])
    mix = judged(("vocal", "guitar"), (leaning, noise(1)), (fader(), fader()))
    stem = mix_stems([leaning, noise(1)], replace(mix, master=()))[0].audio
    assert measure_stereo_imbalance(leaning, RATE) < -0.5
    assert measure_stereo_imbalance(stem, RATE).abs() < 0.01


def test_a_stereo_track_is_not_panned_and_one_mono_in_two_channels_may_be():
    wide, twice = noise(0, 2), noise(1).expand(2, -1)
    mix = judged(("guitar", "guitar"), (wide, twice), (fader(pan=0.5), fader(pan=0.5)))
    assert [setting(track.strip, "pan", 0.0) for track in mix.tracks] == [0.0, 0.5]
    assert "stereo already" in mix.notes[0]


def test_a_stereo_track_that_leans_may_be_balanced_against_its_lean_alone():
    leaning = noise(0, 2) * torch.tensor([[1.0], [0.1]])
    for pan, kept in ((0.4, 0.4), (-0.4, 0.0)):
        mix = judged(("guitar", "keys"), (leaning, noise(1)), (fader(pan=pan), fader()))
        assert setting(mix.tracks[0].strip, "pan", 0.0) == kept


def test_the_low_end_is_not_widened():
    wider = (*fader(), Stage(STEREO_WIDENER, {"width": 1.6}))
    reverb = Channel("reverb", (Stage(FEEDBACK_DELAY_NETWORK, {"mix": 1.0}),))
    names = ("bass", "keys")
    song = Song(names, names, (noise(0, 2), noise(1, 2)), RATE)
    tracks = tuple(Track(n, role=n, strip=wider, sends_db={"reverb": -6.0}) for n in names)
    mix = without_the_unforgivable(
        Mix(RATE, tracks, buses=(reverb,)), song, song.plain_mix(), -18.0
    )
    assert [setting(track.strip, "width") for track in mix.tracks] == [1.0, 1.6]
    assert [track.sends_db["reverb"] for track in mix.tracks] == [-20.0, -6.0]


def test_a_track_that_is_lost_is_raised_to_35_lu_under_all():
    mix = judged(("vocal", "keys"), (noise(0), noise(0)), (fader(), fader(-50.0)))
    assert setting(mix.tracks[1].strip, "gain_db") == pytest.approx(-35.0, abs=0.1)
    assert "not lost" in mix.notes[0]


def test_no_gain_lifts_noise_to_where_it_is_heard():
    """Short words in a hiss at -60 dB, beside a steady track: 20 dB under it is the most."""
    hiss = noise(0) * 10 ** (-40 / 20)
    words = (torch.arange(hiss.shape[-1]) // (RATE // 5) % 5 == 0).float()
    voice = hiss + words * noise(1)
    tracks = (voice, noise(2), noise(3))
    mix = judged(("vocal", "keys", "pad"), tracks, (fader(40.0), fader(), fader()))
    gain_db = setting(mix.tracks[0].strip, "gain_db")
    assert gain_db == pytest.approx(-60.0 + 60.0 + 23.0, abs=1.5)  # both others: -17 dB
    assert "the noise in its pauses, 40 dB under its loud moments" in mix.notes[0]


def test_the_gain_that_a_compressor_makes_up_for_is_one_as_well():
    """The words are held back by 20 dB, and the noise between them is not."""
    pressed = (
        Stage(COMPRESSOR, {"threshold_db": -50.0, "ratio": 20.0, "makeup_gain_db": 24.0,
                           "attack_ms": 1.0, "release_ms": 30.0}),
        *fader(),
    )  # fmt: skip
    voice, keys, talking = spoken()
    mix = judged(("vocal", "keys", "pad"), (voice, keys, keys), (pressed, fader(), fader()))
    before, after = (
        noise_between(replace(mix, tracks=tracks, master=()), (voice, keys, keys), talking)
        for tracks in ((replace(mix.tracks[0], strip=pressed), *mix.tracks[1:]), mix.tracks)
    )
    assert before[0] > -60.0 + 20.0 and "noise" in mix.notes[0]
    assert after[0] == pytest.approx(-60.0 - 3.0, abs=1.5)  # what the panner does to all tracks


def spoken():
    """Words over a hiss that is 40 dB under them, keys that pause as well, and when they play."""
    words = torch.arange(round(4.0 * RATE)) // (RATE // 5) % 4 == 0
    return noise(0) * 10 ** (-40 / 20) + words * noise(1) * 0.1, words * noise(2), words


def noise_between(mix, tracks, playing):
    """The hiss of the first track in the pauses behind its strip, and all tracks in the mean."""
    stems = [stem.audio for stem in mix_stems(tracks, mix) if stem.kind == "track"]
    pauses = ~(torch.nn.functional.max_pool1d(playing[None].float(), 4001, 1, 2000) > 0)[0]
    power = [stems[0][:, pauses].square().mean(), sum(x.square().mean() for x in stems)]
    return [10 * p.log10().item() for p in power]


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_system_lifts_noise_into_pauses_and_a_wish_wins(system):
    """A soft voice in hiss, which systems raise; in the pauses nothing else is heard."""
    voice, keys, talking = spoken()
    tracks = (voice, keys, noise(4) * talking)
    song = Song(("voice", "keys", "pad"), ("vocal", "keys", "pad"), tracks, RATE)
    mix = automatic_mix(song, system=system)
    bare = replace(mix, master=(), groups=(), buses=(), tracks=tuple(
        replace(track, group="", sends_db={}) for track in mix.tracks
    ))  # fmt: skip
    hiss_db, all_db = noise_between(bare, tracks, talking)
    own = [noise_between(replace(bare, tracks=(bare.tracks[i],)), (tracks[i],), ~talking)[1]
           - 10 * tracks[i].square().mean().log10().item() for i in range(3)]  # fmt: skip
    before_db = 10 * voice[:, ~talking].square().mean().log10().item()
    assert hiss_db < max(all_db - 60.0, before_db + sorted(own)[1]) + 0.3
    if system in ("equal-loudness", "mansbridge-fader", "rules", "console", "auto"):
        assert any("voice: lowered" in note and "noise" in note for note in mix.notes)
    louder = automatic_mix(song, system=system, wishes=Wishes(priority={"voice": "high"}))
    assert all_gains(louder.tracks[0]) - all_gains(mix.tracks[0]) == pytest.approx(3.0, abs=0.01)


def all_gains(track):
    gains = [stage for stage in track.strip if stage.processor is GAIN]
    return sum(
        (stage.automation.get("gain_db") or [stage.settings.get("gain_db", 0.0)])[-1]
        for stage in gains
    )


def test_nothing_is_changed_that_is_locked():
    panned = Stage(STEREO_PANNER, {"pan": -0.5}, locked=True)
    mix = judged(("vocal", "guitar"), (noise(0), noise(1)), ((panned,), fader()))
    assert mix.tracks[0].strip == (panned,) and not mix.notes


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_system_has_a_voice_aside_and_a_wish_wins(system):
    """Two mono tracks and the voice: every system, also one that pans all that it hears."""
    names = ("vocals", "guitar", "keys")
    song = Song(names, ("vocal", "guitar", "keys"), (noise(0), noise(1), noise(2)), RATE)
    mix = automatic_mix(song, system=system)
    assert abs(setting(mix.tracks[0].strip, "pan", 0.0)) < 0.1
    wished = automatic_mix(song, system=system, wishes=Wishes(pan={"vocals": "left"}))
    assert setting(wished.tracks[0].strip, "pan", 0.0) < -0.5
