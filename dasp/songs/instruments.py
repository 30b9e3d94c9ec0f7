"""Small synthesisers: the notes of a part to audio `(channels, time)`, float32.

Notes of one kind are made once and played many times; what is linear, such as a filter, is done
once for the whole part.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dasp.signal.biquad import design_band_pass, design_high_pass, design_low_pass
from dasp.signal.delay import feedback_delay
from dasp.signal.iir import sosfilt
from dasp.songs.score import Note

Notes = tuple[Note, ...]
Instrument = Callable[[Notes, float, float, float, torch.Generator], Tensor]
"""Called with notes, tone in [0, 1], seconds, sample rate, and where noise is drawn from."""

ROUND_ROBINS = 4
"""How many versions of a drum hit take turns."""

_TABLE = 2048


def _kick(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play a kick: a sine that falls to its pitch, and a click."""
    decay_s = 0.08 + 0.14 * tone

    def hit(note: Note) -> Tensor:
        t = _seconds(note.duration_s, rate)
        sweep_hz = note.freq_hz * (0.85 + 0.3 * tone) + 130 * torch.exp(-t / 0.03)
        body = torch.sin(2 * math.pi * sweep_hz.cumsum(0) / rate) * torch.exp(-t / decay_s)
        return body + (0.05 + 0.2 * tone) * _noise(t, draw) * torch.exp(-t / 0.002)

    return _played(notes, hit, seconds, rate, ROUND_ROBINS)


def _snare(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play a snare: a skin, and wires under it."""
    wires_sos = design_high_pass(_below(900 + 800 * tone, rate), rate)

    def hit(note: Note) -> Tensor:
        t = _seconds(note.duration_s, rate)
        freq_hz = note.freq_hz * (0.85 + 0.4 * tone)
        skin = torch.sin(2 * math.pi * freq_hz * t) * torch.exp(-t / 0.05)
        wires = _noise(t, draw) * torch.exp(-t / (0.05 + 0.08 * tone))
        return skin + sosfilt(wires, wires_sos)[0]

    return _played(notes, hit, seconds, rate, ROUND_ROBINS)


def _metal(decay_s: float, lowest_hz: float) -> Instrument:
    """Noise above a frequency that dies away: hi-hats, shakers, cymbals."""

    def play(
        notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator
    ) -> Tensor:
        sos = design_high_pass(_below(lowest_hz * (0.8 + 0.4 * tone), rate), rate)

        def hit(note: Note) -> Tensor:
            t = _seconds(note.duration_s, rate)
            return sosfilt(_noise(t, draw), sos)[0] * torch.exp(-t / (decay_s * (0.7 + 0.6 * tone)))

        return _played(notes, hit, seconds, rate, ROUND_ROBINS)

    return play


def _tom(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play a tom: a skin whose pitch falls a little."""

    def hit(note: Note) -> Tensor:
        t = _seconds(note.duration_s, rate)
        freq_hz = note.freq_hz * (0.8 + 0.4 * tone) * (1 + 0.4 * torch.exp(-t / 0.04))
        skin = torch.sin(2 * math.pi * freq_hz.cumsum(0) / rate) * torch.exp(-t / 0.18)
        return skin + 0.1 * _noise(t, draw) * torch.exp(-t / 0.01)

    return _played(notes, hit, seconds, rate)


def _bass(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play a bass: a sawtooth through a low-pass."""
    phase, loud = _voice(notes, seconds, rate, attack_s=0.004, decay_s=0.3 + 0.6 * tone)
    sos = design_low_pass(_below(300 + 900 * tone, rate), rate)
    return sosfilt((_sawtooth(phase, 20) * loud)[None], sos)[0]


def _guitar(
    notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator
) -> Tensor:
    """Play plucked strings: a burst of noise as long as one period, in a loop of that length.

    K. Karplus and A. Strong, "Digital synthesis of plucked-string and drum timbres", 1983.
    """
    sos = design_low_pass(_below(600 + 2400 * tone, rate), rate)

    def pluck(note: Note) -> Tensor:
        t = _seconds(note.duration_s, rate)
        period = rate / note.freq_hz
        burst = sosfilt(_noise(t, draw) * (t * rate < period), sos)[0]
        string = feedback_delay(burst[None], period, 0.5 ** (8 / note.freq_hz))[0]
        return string * (2 / string.abs().max().clamp(min=1e-9))

    return _played(notes, pluck, seconds, rate)


def _keys(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play an electric piano by frequency modulation."""

    def struck(note: Note) -> Tensor:
        t = _seconds(note.duration_s, rate)
        phase = 2 * math.pi * note.freq_hz * t
        bell = (0.6 + 1.8 * tone) * torch.exp(-t / 0.3) * torch.sin(phase)
        return torch.sin(phase + bell) * torch.exp(-t / 0.9)

    return _played(notes, struck, seconds, rate)


def _pad(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play a slow chord of sawtooths, out of tune between the two sides."""

    def swelling(note: Note) -> Tensor:
        t = _seconds(note.duration_s, rate)
        swell = torch.sin(math.pi * t / note.duration_s).clamp(min=0)
        cycles = note.freq_hz * t.double()
        partials = _partials(note.freq_hz, rate, 4000)
        detuned = [_sawtooth(cycles * 2 ** (cents / 1200), partials) for cents in (-8.0, 8.0)]
        return torch.stack(detuned) * swell

    sos = design_low_pass(_below(700 + 2000 * tone, rate), rate)
    return sosfilt(_played(notes, swelling, seconds, rate, channels=2), sos)[0]


def _lead(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Play two sawtooths that glide against each other, through a low-pass."""
    phase, loud = _voice(notes, seconds, rate, attack_s=0.01, decay_s=0.5)
    partials = _partials(max(note.freq_hz for note in notes), rate, 10_000) if notes else 1
    tones = _sawtooth(phase, partials) + _sawtooth(phase * 1.004, partials)
    sos = design_low_pass(_below(1500 + 5000 * tone, rate), rate)
    return sosfilt((tones * loud)[None], sos)[0]


FORMANTS = (
    ((700, 1.0), (1220, 0.5), (2600, 0.25), (3300, 0.15)),
    ((300, 1.0), (2300, 0.35), (3000, 0.25), (3700, 0.1)),
)
"""Frequency and gain of four formants, of an open vowel and of a closed one."""


def _vocal(notes: Notes, tone: float, seconds: float, rate: float, draw: torch.Generator) -> Tensor:
    """Sing: a buzz with vibrato through formants, whose vowel changes slowly, and breath."""
    phase, loud = _voice(notes, seconds, rate, attack_s=0.05, decay_s=1.5, vibrato=0.008)
    partials = _partials(max(note.freq_hz for note in notes), rate, 8000) if notes else 1
    buzz = _sawtooth(phase, partials) * loud + 0.03 * _noise(loud, draw) * loud
    scale = 0.92 + 0.16 * tone
    open_vowel, closed_vowel = (_vowel(buzz, formants, scale, rate) for formants in FORMANTS)
    t = _seconds(seconds, rate)
    return torch.lerp(open_vowel, closed_vowel, 0.5 - 0.5 * torch.cos(2 * math.pi * 0.7 * t))


def _vowel(
    buzz: Tensor, formants: Sequence[tuple[float, float]], scale: float, rate: float
) -> Tensor:
    """A buzz through a band-pass for each formant: its frequency, which is scaled, and its gain."""
    heard = torch.zeros_like(buzz)
    for freq_hz, gain in formants:
        sos = design_band_pass(_below(freq_hz * scale, rate), rate, q=8.0)
        heard = heard + gain * sosfilt(buzz[None], sos)[0]
    return heard


INSTRUMENTS: dict[str, Instrument] = {
    "kick": _kick,
    "snare": _snare,
    "hihat": _metal(0.02, 7000.0),
    "tom": _tom,
    "crash": _metal(0.6, 4000.0),
    "shaker": _metal(0.025, 5500.0),
    "bass": _bass,
    "guitar": _guitar,
    "guitar 2": _guitar,
    "keys": _keys,
    "pad": _pad,
    "lead": _lead,
    "vocal": _vocal,
    "backing vocal": _vocal,
}
"""What plays each of the parts of `dasp.songs.score.PARTS`."""


def _played(
    notes: Iterable[Note],
    sound: Callable[[Note], Tensor],
    seconds: float,
    rate: float,
    versions: int = 1,
    channels: int = 1,
) -> Tensor:
    """Every note at its place, cut at the end of the song.

    Notes alike but for their velocity share a sound, or take turns with a few versions of it.
    """
    time = round(seconds * rate)
    audio = torch.zeros(channels, time)
    made: dict[tuple, Tensor] = {}
    for i, note in enumerate(notes):
        kind = (round(note.freq_hz, 6), round(note.duration_s, 6), i % versions)
        if kind not in made:
            made[kind] = _faded(sound(note).float(), rate)
        start = round(note.start_s * rate)
        shot = made[kind][..., : max(0, time - start)]
        audio[:, start : start + shot.shape[-1]] += shot * note.velocity
    return audio


def _voice(
    notes: Notes, seconds: float, rate: float, *, attack_s: float, decay_s: float,
    vibrato: float = 0.0,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Phase in cycles (float64) and loudness of one voice, whose notes end where the next begin."""
    time = round(seconds * rate)
    freq, loud = torch.zeros(time, dtype=torch.float64), torch.zeros(time)
    longest = max((note.duration_s for note in notes), default=0.0)
    t = _seconds(longest, rate)
    shape = (1 - torch.exp(-t / attack_s)) * torch.exp(-t / decay_s)
    starts = [round(note.start_s * rate) for note in notes]
    for note, (start, following) in zip(notes, pairwise([*starts, time]), strict=True):
        stop = max(start, min(start + round(note.duration_s * rate), following, time))
        freq[start:following] = note.freq_hz
        loud[start:stop] = _faded(shape[: stop - start] * note.velocity, rate)
    if vibrato:
        freq *= 1 + vibrato * torch.sin(2 * math.pi * 5.5 * _seconds(seconds, rate)).double()
    return (freq / rate).cumsum(0), loud


def _sawtooth(cycles: Tensor, partials: int) -> Tensor:
    """sum_k sin(2 pi k c) / k over `partials`, read from a table of one cycle; float32."""
    table = _saw_table(partials)
    place = (cycles - cycles.floor()).float() * _TABLE
    left = place.long()
    return torch.lerp(table[left], table[left + 1], place - left)


def _saw_table(partials: int) -> Tensor:
    k = torch.arange(1, partials + 1, dtype=torch.float64)
    cycle = torch.arange(_TABLE + 2, dtype=torch.float64) / _TABLE
    return (torch.sin(2 * math.pi * cycle[:, None] * k) / k).sum(-1).float()


def _partials(freq_hz: float, rate: float, highest_hz: float) -> int:
    """How many harmonics a note has below a frequency, and below Nyquist with a margin."""
    return max(1, int(min(highest_hz, 0.45 * rate) / freq_hz))


def _seconds(duration_s: float, rate: float) -> Tensor:
    return torch.arange(max(1, round(duration_s * rate))) / rate


def _noise(like: Tensor, draw: torch.Generator) -> Tensor:
    return torch.randn(like.shape[-1], generator=draw)


def _below(freq_hz: float, rate: float) -> float:
    """The frequency, or what a low rate has instead."""
    return min(freq_hz, 0.45 * rate)


def _faded(sound: Tensor, rate: float) -> Tensor:
    """Faded out over the last 5 ms, so that it ends softly."""
    fade = min(sound.shape[-1], round(0.005 * rate))
    if fade:
        sound[..., -fade:] = sound[..., -fade:] * torch.linspace(1, 0, fade)
    return sound
