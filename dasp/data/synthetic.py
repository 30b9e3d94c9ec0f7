"""A song from a seed: eight instruments, played by small synthesisers from one score.

The same seed gives the same samples. Recording levels are drawn at random, as if nobody had
set them, so that a mixer has something to do.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_range, check_sample_rate
from dasp.signal.biquad import design_band_pass, design_high_pass, design_low_pass
from dasp.signal.delay import feedback_delay
from dasp.signal.iir import sosfilt
from dasp.signal.noise import white_noise
from dasp.units import db_to_gain

PROGRESSIONS = ((0, 5, 3, 4), (0, 3, 4, 3), (5, 3, 0, 4), (0, 4, 5, 3))
"""Chords of four bars as degrees of the scale."""

MAJOR = (0, 2, 4, 5, 7, 9, 11)
QUIETEST_DB, LOUDEST_DB = -30.0, -8.0
"""Range of the recording levels: the peak of each track in dB of full scale."""


class Note(NamedTuple):
    """One note of the score."""

    start_s: float
    duration_s: float
    freq_hz: float
    velocity: float = 1.0


Instrument = Callable[[Note, float], Tensor]


def synthesise_song(
    seed: int, *, seconds: float = 20.0, sample_rate: int = 44_100
) -> dict[str, Tensor]:
    """Tracks by name, each `(channels, time)` in float32: the pad stereo, the others mono.

    >>> song = synthesise_song(0, seconds=1.0, sample_rate=8000)
    >>> song["pad"].shape, list(song)[:3]
    (torch.Size([2, 8000]), ['kick', 'snare', 'hihat'])
    """
    check_sample_rate(sample_rate)
    check_range("seconds", seconds, above=0.0)
    draw = torch.Generator().manual_seed(seed)
    score = _write_score(seconds, draw)
    song = {}
    for name, notes in score.items():
        audio = _play(INSTRUMENTS[name], notes, seconds, sample_rate)
        level_db = QUIETEST_DB + (LOUDEST_DB - QUIETEST_DB) * _uniform(draw)
        song[name] = (audio * (db_to_gain(level_db) / audio.abs().max().clamp(min=1e-9))).float()
    return song


def _write_score(seconds: float, draw: torch.Generator) -> dict[str, list[Note]]:
    """The notes of every instrument: a drum pattern, a progression, and a melody over it."""
    beat = 60 / (84 + 40 * _uniform(draw))
    root = 45 + int(10 * _uniform(draw))
    progression = PROGRESSIONS[int(len(PROGRESSIONS) * _uniform(draw))]
    score: dict[str, list[Note]] = {name: [] for name in INSTRUMENTS}
    for bar in range(math.ceil(seconds / (4 * beat))):
        degree = progression[bar % 4]
        triad = [_pitch(root, degree + step) for step in (0, 2, 4)]
        at = 4 * beat * bar
        for eighth in range(8):
            now = at + eighth * beat / 2
            loud = 0.7 + 0.3 * _uniform(draw)
            score["hihat"].append(Note(now, 0.08, 0.0, loud * (1.0 if eighth % 2 == 0 else 0.6)))
            if eighth in (0, 4) or (eighth in (3, 7) and _uniform(draw) < 0.3):
                score["kick"].append(Note(now, 0.35, 50.0, loud))
            if eighth in (2, 6):
                score["snare"].append(Note(now, 0.25, 190.0, loud))
            if _uniform(draw) < 0.75:
                score["bass"].append(Note(now, 0.45 * beat, triad[0] / 2, loud))
            string = triad[eighth % 3] * (2 if eighth >= 6 else 1)
            score["guitar"].append(Note(now, 2 * beat, string, loud))
            if eighth % 2 == 0 and _uniform(draw) < 0.7:
                tone = _pitch(root + 12, degree + (0, 2, 4, 5, 7)[int(5 * _uniform(draw))])
                score["vocal"].append(Note(now, 0.9 * beat, 2 * tone, loud))
        score["keys"] += [
            Note(at + 2 * half * beat, 1.8 * beat, 2 * f) for f in triad for half in (0, 1)
        ]
        score["pad"] += [Note(at, 4 * beat, f * octave) for f in triad for octave in (1, 2)]
    return score


def _play(instrument: Instrument, notes: list[Note], seconds: float, rate: float) -> Tensor:
    """Every note at its place, cut at the end of the song."""
    time = round(seconds * rate)
    played = [(round(note.start_s * rate), instrument(note, rate) * note.velocity)
              for note in notes if round(note.start_s * rate) < time]  # fmt: skip
    channels = played[0][1].shape[0] if played else 1
    audio = torch.zeros(channels, time, dtype=torch.float64)
    for start, sound in played:
        sound = sound[:, : time - start]
        audio[:, start : start + sound.shape[-1]] += sound
    return audio


def _kick(note: Note, rate: float) -> Tensor:
    t = _seconds(note.duration_s, rate)
    sweep_hz = note.freq_hz + 130 * torch.exp(-t / 0.03)
    body = torch.sin(2 * math.pi * sweep_hz.cumsum(0) / rate) * torch.exp(-t / 0.12)
    click = _noise(t, note) * torch.exp(-t / 0.002)
    return _faded(body + 0.15 * click, rate)


def _snare(note: Note, rate: float) -> Tensor:
    t = _seconds(note.duration_s, rate)
    skin = torch.sin(2 * math.pi * note.freq_hz * t) * torch.exp(-t / 0.05)
    wires = _noise(t, note) * torch.exp(-t / 0.08)
    return _faded(skin + _filtered(wires, design_high_pass(_below(1200, rate), rate)), rate)


def _hihat(note: Note, rate: float) -> Tensor:
    t = _seconds(note.duration_s, rate)
    metal = _noise(t, note) * torch.exp(-t / 0.02)
    return _faded(_filtered(metal, design_high_pass(_below(7000, rate), rate)), rate)


def _bass(note: Note, rate: float) -> Tensor:
    t = _seconds(note.duration_s, rate)
    tone = _sawtooth(2 * math.pi * note.freq_hz * t, 20) * torch.exp(-t / 0.6)
    return _faded(_filtered(tone, design_low_pass(_below(500, rate), rate)), rate)


def _guitar(note: Note, rate: float) -> Tensor:
    """A plucked string: a burst of noise as long as one period, in a loop of that length.

    K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", 1983.
    """
    t = _seconds(note.duration_s, rate)
    period = rate / note.freq_hz
    burst = _noise(t, note) * (t * rate < period)
    dark = _filtered(burst, design_low_pass(_below(800, rate), rate))
    return _faded(feedback_delay(dark, period, 0.5 ** (8 / note.freq_hz)), rate)


def _keys(note: Note, rate: float) -> Tensor:
    """An electric piano by frequency modulation."""
    t = _seconds(note.duration_s, rate)
    phase = 2 * math.pi * note.freq_hz * t
    bell = 1.5 * torch.exp(-t / 0.3) * torch.sin(phase)
    return _faded(torch.sin(phase + bell) * torch.exp(-t / 0.9), rate)


def _pad(note: Note, rate: float) -> Tensor:
    """A slow chord of sawtooths, out of tune between the two sides."""
    t = _seconds(note.duration_s, rate)
    swell = torch.sin(math.pi * t / note.duration_s).clamp(min=0)
    sides = [
        _sawtooth(2 * math.pi * note.freq_hz * 2 ** (cents / 1200) * t, _partials(note, rate, 4000))
        for cents in (-8.0, 8.0)
    ]
    return _faded(
        _filtered(torch.stack(sides) * swell, design_low_pass(_below(1500, rate), rate)), rate
    )


def _vocal(note: Note, rate: float) -> Tensor:
    """An open vowel: a buzz with vibrato through four formants."""
    t = _seconds(note.duration_s, rate)
    vibrato = 1 + 0.008 * torch.sin(2 * math.pi * 5.5 * t) * (t / note.duration_s)
    phase = 2 * math.pi * note.freq_hz * vibrato.cumsum(0) / rate
    buzz = _sawtooth(phase, _partials(note, rate, 8000))
    formants = ((700, 1.0), (1220, 0.5), (2600, 0.25), (3300, 0.15))
    vowel = sum(
        gain * _filtered(buzz, design_band_pass(_below(freq, rate), rate, q=8.0))
        for freq, gain in formants
    )
    swell = (1 - torch.exp(-t / 0.05)) * torch.exp(-t / 1.5)
    return _faded(vowel * swell, rate)


INSTRUMENTS: dict[str, Instrument] = {
    "kick": _kick,
    "snare": _snare,
    "hihat": _hihat,
    "bass": _bass,
    "guitar": _guitar,
    "keys": _keys,
    "pad": _pad,
    "vocal": _vocal,
}


def _pitch(root: int, degree: int) -> float:
    """Frequency of a degree of the major scale on a MIDI root."""
    octave, step = divmod(degree, len(MAJOR))
    return 440 * 2 ** ((root + 12 * octave + MAJOR[step] - 69) / 12)


def _uniform(draw: torch.Generator) -> float:
    return torch.rand((), generator=draw, dtype=torch.float64).item()


def _seconds(duration_s: float, rate: float) -> Tensor:
    return torch.arange(max(1, round(duration_s * rate)), dtype=torch.float64) / rate


def _noise(t: Tensor, note: Note) -> Tensor:
    """Noise that no two notes share: seeded by when the note is."""
    return white_noise(t.shape, round(note.start_s * 1e4), dtype=torch.float64)


def _sawtooth(phase: Tensor, partials: int) -> Tensor:
    """sum_k sin(k phase) / k, by Horner's rule on powers of exp(i phase)."""
    turn = torch.polar(torch.ones_like(phase), phase)
    total = torch.zeros_like(turn)
    for k in range(partials, 0, -1):
        total.add_(1 / k).mul_(turn)
    return total.imag


def _partials(note: Note, rate: float, highest_hz: float) -> int:
    """How many harmonics a note has below a frequency, and below Nyquist with a margin."""
    return max(1, int(min(highest_hz, 0.45 * rate) / note.freq_hz))


def _filtered(x: Tensor, sos: Tensor) -> Tensor:
    return sosfilt(x, sos)[0]


def _below(freq_hz: float, rate: float) -> float:
    """The frequency, or what a low rate has instead."""
    return min(freq_hz, 0.45 * rate)


def _faded(sound: Tensor, rate: float) -> Tensor:
    """Mono or stereo `(channels, time)`, faded out over the last 5 ms so that it ends softly."""
    sound = sound if sound.ndim == 2 else sound[None]
    fade = min(sound.shape[-1], round(0.005 * rate))
    ramp = torch.ones(sound.shape[-1], dtype=sound.dtype)
    ramp[-fade:] = torch.linspace(1, 0, fade, dtype=sound.dtype)
    return sound * ramp
