"""Tracks set like the stems of other music: what was done to the stems is found."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness, measure_octave_spectrum
from dasp.estimation.matching.stems import match_stems
from dasp.functional import high_pass, low_pass, parametric_eq, stereo_panner
from dasp.mixing import Mix, Song, Stage, Track, mix_stems
from dasp.processors.catalogue import GAIN

RATE = 16_000
BRIGHT = {
    "low_shelf_gain_db": 0.0, "low_shelf_freq_hz": 100.0, "low_shelf_q": 0.7,
    "peak_gain_db": [0.0], "peak_freq_hz": [500.0], "peak_q": [0.7],
    "high_shelf_gain_db": 9.0, "high_shelf_freq_hz": 1500.0, "high_shelf_q": 0.7,
}  # fmt: skip


def _sounds(seed, seconds=1.0):
    draw = torch.Generator().manual_seed(seed)
    noise = 0.1 * torch.randn(3, 1, round(seconds * RATE), generator=draw)
    return (
        4 * low_pass(noise[0], RATE, freq_hz=300.0),
        noise[1],
        high_pass(noise[2], RATE, freq_hz=3000.0),
    )


def _song(names, tracks):
    return Song.of(names, list(tracks), RATE)


def _loud(x):
    return measure_loudness(x, RATE).item()


def _tilt(x):
    levels = measure_octave_spectrum(x, RATE).mean(-2)
    return (levels[7] - levels[4]).item()


@pytest.fixture(scope="module")
def found():
    """Bass and voice have a stem, of which the voice is brighter, on the right, and loud."""
    bass, voice, shaker = _sounds(0)
    other_bass, other_voice, _ = _sounds(1)
    right = 2 * stereo_panner(parametric_eq(other_voice, RATE, **BRIGHT), RATE, pan=0.6)
    song = _song(["bass", "lead vox", "shaker"], (bass, voice, shaker))
    reference = _song(["bass DI", "vocal", "piano"], (0.5 * other_bass, right, 0 * other_bass))
    start = Mix(RATE, tuple(Track(n, role=r) for n, r in zip(song.names, song.roles, strict=True)))
    return song, start, reference, match_stems(song, start, reference)


def test_a_track_has_place_level_and_eq_of_the_stem_of_its_role(found):
    song, _, reference, match = found
    bass, voice, _ = (stem.audio for stem in mix_stems(song.tracks, match.mix)[:3])
    wanted = _loud(reference.tracks[1]) - _loud(reference.tracks[0].expand(2, -1))
    assert _loud(voice) - _loud(bass) == pytest.approx(wanted, abs=0.5)
    left, right = voice.square().sum(-1)
    wide_left, wide_right = reference.tracks[1].square().sum(-1)
    assert (left / right).item() == pytest.approx((wide_left / wide_right).item(), rel=0.1)
    assert _tilt(voice) == pytest.approx(_tilt(reference.tracks[1]), abs=1.5)
    assert _tilt(reference.tracks[1]) > _tilt(song.tracks[1]) + 5
    assert match.after["spectrum"] < 0.5 * match.before["spectrum"]


def test_a_track_without_a_stem_stays_and_is_told(found):
    _, start, _, match = found
    assert match.mix.tracks[2] == start.tracks[2]
    assert "shaker: stays as it is: no stem of the reference plays percussion" in match.notes
    assert "nothing here plays the roles of piano" in match.notes
    assert match.notes[0].startswith("bass: like bass DI, spectrum ")


def test_tracks_with_a_stem_are_together_as_loud_as_before(found):
    song, start, _, match = found
    before, after = (
        sum(stem.audio for stem in mix_stems(song.tracks, mix)[:2]) for mix in (start, match.mix)
    )
    assert _loud(after) == pytest.approx(_loud(before), abs=0.2)


@pytest.mark.long
def test_several_tracks_of_a_role_meet_the_stems_that_sound_alike():
    low, _, high = _sounds(2)
    song = _song(["keys low", "keys high"], (low, high))
    other_low, _, other_high = _sounds(3)
    reference = _song(["piano a", "piano b"], (other_high, 0.25 * other_low))
    match = match_stems(song, song.plain_mix(), reference)
    assert {note.partition(",")[0] for note in match.notes[:2]} == {
        "keys low: like piano b", "keys high: like piano a",
    }  # fmt: skip


@pytest.mark.long
def test_more_tracks_than_stems_share_a_strip_and_keep_their_balance():
    low, _, high = _sounds(2)
    song = _song(["keys low", "keys high"], (low, high))
    plain = song.plain_mix()
    quiet = replace(plain.tracks[1], strip=(Stage(GAIN, {"gain_db": -6.0}),))
    start = replace(plain, tracks=(plain.tracks[0], quiet))
    match = match_stems(song, start, _song(["piano"], (0.3 * (low + high),)))
    first, second = (track.strip for track in match.mix.tracks)
    assert len(first) > 0 and second[0] == quiet.strip[0]
    assert [stage.settings for stage in second[1:]] == [stage.settings for stage in first]
    assert match.notes[0].startswith("keys low, keys high: like piano,")


def test_what_is_locked_stays():
    bass, voice, _ = _sounds(0)
    song = _song(["bass", "vocal"], (bass, voice))
    plain = song.plain_mix()
    start = replace(plain, tracks=tuple(replace(track, locked=True) for track in plain.tracks))
    match = match_stems(song, start, _song(["bass", "vocal"], _sounds(1)[:2]))
    assert match.mix == start
    assert match.notes[0] == "bass: stays as it is: locked, moving, or silent"


def test_silent_stems_are_refused():
    song = _song(["bass"], _sounds(0)[:1])
    with pytest.raises(ValueError, match="the sum of the stems: expected sound, got silence"):
        match_stems(song, song.plain_mix(), _song(["bass"], [torch.zeros(1, RATE)]))
    with pytest.raises(ValueError, match="reference: expected stems at 16000 Hz, got 8000 Hz"):
        match_stems(song, song.plain_mix(), Song.of(["bass"], [torch.zeros(1, 8000)], 8000))
