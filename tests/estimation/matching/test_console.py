"""Consoles set from a reference: what is known is found, and what is locked stays."""

from dataclasses import replace

import pytest
import torch

from dasp.estimation.matching.console import Spread, match_mix
from dasp.functional import high_pass, low_pass
from dasp.mixing import Mix, Song, Stage, Track, mix_down
from dasp.processors.catalogue import GAIN, STEREO_PANNER

RATE = 16_000
SPREADS = [Spread(6.0, 0.5)] * 2


def _song(seed=0):
    """A low drone and a high hiss, which no balance can take for each other."""
    draw = torch.Generator().manual_seed(seed)
    low, high = 0.1 * torch.randn(2, 1, 2 * RATE, generator=draw)
    tracks = (4 * low_pass(low, RATE, freq_hz=300.0), high_pass(high, RATE, freq_hz=3000.0))
    return Song.of(["bass", "hihat"], list(tracks), RATE)


def _mix(song, gains=(0.0, 0.0), pans=(0.0, 0.0)):
    strips = [
        (Stage(GAIN, {"gain_db": gain}), Stage(STEREO_PANNER, {"pan": pan}))
        for gain, pan in zip(gains, pans, strict=True)
    ]
    tracks = (Track(n, role=n, strip=s) for n, s in zip(song.names, strips, strict=True))
    return Mix(RATE, tuple(tracks))


def test_levels_and_places_of_other_recordings_are_found():
    wanted = _mix(_song(1), gains=(-4.0, 4.0), pans=(0.0, 0.6))
    reference = mix_down(_song(1).tracks, wanted)
    song = _song()
    found = match_mix(song, _mix(song), [reference], SPREADS, excerpt_s=2.0)
    spectra = [found.before["spectrum"], found.after["spectrum"]]
    assert spectra[1] < 0.4 * spectra[0]
    assert found.after["image"] < 0.05 < found.before["image"]
    assert found.mix.tracks[1].strip[-1].settings["pan"] > 0.3
    heard = mix_down(song.tracks, found.mix)
    left, right = heard.square().mean(-1)
    assert right > 1.1 * left


def test_what_is_locked_stays():
    song = _song()
    start = _mix(song)
    reference = mix_down(song.tracks, _mix(song, gains=(-6.0, 6.0)))
    locked = replace(start.tracks[0], locked=True)
    panner = start.tracks[1].strip[1]._replace(locked=True)
    other = replace(start.tracks[1], strip=(start.tracks[1].strip[0], panner))
    limiter = Stage(GAIN, {"gain_db": -1.0}, locked=True)
    start = replace(start, tracks=(locked, other), master=(limiter,))
    found = match_mix(song, start, [reference], SPREADS, excerpt_s=2.0)
    assert found.mix == start
    assert any("2 tracks stay as they are" in note for note in found.notes)


def test_it_works_where_no_gradient_is_asked_for():
    with torch.inference_mode():
        song = _song()
        reference = mix_down(song.tracks, _mix(song, gains=(-6.0, 6.0)))
        found = match_mix(song, _mix(song), [reference], SPREADS, excerpt_s=2.0)
    assert found.after["spectrum"] < found.before["spectrum"]


def test_a_silent_reference_is_refused():
    song = _song()
    with pytest.raises(ValueError, match="reference 1: expected sound, got silence"):
        match_mix(song, _mix(song), [torch.zeros(2, RATE)], SPREADS)
