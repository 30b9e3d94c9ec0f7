"""Click tracks: what a metronome plays, told by a name and by how it sounds.

A metronome plays short ticks of one or two sounds in even steps. Where a name says that a track is
one, either is enough, for a tempo may change; where a name says nothing at all, everything must
agree, also that there is nothing between the ticks and that they have a pitch: a hi-hat out of a
drum machine has none.
"""

import re
from typing import NamedTuple

import torch
from torch import Tensor

CLICK = re.compile(r"\b(click|clicks|metronome|metro|klick|clic)\b", re.IGNORECASE)

ON, APART_MS = 0.2, 100
"""A tick begins where the peak of a millisecond rises over this share of the highest, so long after
the last one."""

LEAST_TICKS, LEAST_UNNAMED = 8, 16
EVEN, OFF_MS = 0.95, 5.0
"""This share of the steps are a multiple of the beat, to so many milliseconds."""

TICK_MS, RINGING_DB = 120, -30.0
"""A tick is so far under its peak after this time."""

ALIKE = 0.97
"""Correlation of the spectra of ticks of one sound."""

BEAT_MS = (250.0, 1500.0)
PITCH_HZ, OF_ONE_PITCH = 300.0, 0.5
"""At least this share of a tick lies in the third octave around its peak, which is over that."""

NOTHING, EMPTY = 1e-4, 0.3
"""For this share of the time there is nothing: less than that share of the peak."""

LONGEST_GAP = 4.5
"""In beats, between ticks that go on all through a song."""


class Ticks(NamedTuple):
    """What a track plays, heard as ticks.

    Args:
        beats: How many there are.
        beat_ms: The step between two of them, the median.
        even: Share of the steps that are a multiple of it.
        short: Whether every tick is over in `TICK_MS`.
        alike: Whether all ticks have one or two spectra.
        pitched: Whether most of a tick is of one pitch.
        throughout: Whether they go on from the beginning to the end, and nothing else is there.
    """

    beats: int
    beat_ms: float
    even: float
    short: bool
    alike: bool
    pitched: bool
    throughout: bool


def click_track(name: str, role: str, x: Tensor, sample_rate: int) -> str | None:
    """Tell whether a track is a metronome's.

    Args:
        name: Name of the track.
        role: Its role; only a track of the role "other" is one by its sound alone.
        x: Its audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        Why it is one, or None.
    """
    named = bool(CLICK.search(re.sub(r"[_\-\d.]+", " ", name)))
    if not named and role != "other":
        return None
    ticks = hear_ticks(x, sample_rate)
    if ticks is None:
        return None
    even = ticks.even >= EVEN
    steps = f"in even steps of {ticks.beat_ms:.0f} ms" if even else "all alike, in uneven steps"
    if named and (even or (ticks.short and ticks.alike)):
        return f"a click track by its name: {ticks.beats} beats {steps}; muted"
    whole = ticks.short and ticks.alike and ticks.pitched and ticks.throughout
    if not named and even and whole and ticks.beats >= LEAST_UNNAMED:
        return f"a click track by its sound: {ticks.beats} short beats, all alike, {steps}; muted"
    return None


def hear_ticks(x: Tensor, sample_rate: int) -> Ticks | None:
    """Hear a track as ticks.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz, at least 8000.

    Returns:
        What they are like, or None where there are fewer than `LEAST_TICKS`.
    """
    step = max(1, sample_rate // 1000)
    ms = 1000 * step / sample_rate
    peaks = x.abs().amax(0)
    peaks = peaks[: len(peaks) // step * step].reshape(-1, step).amax(-1)
    starts = _starts(peaks, round(APART_MS / ms))
    if len(starts) < LEAST_TICKS:
        return None
    apart = starts.diff().float()
    beat = apart.median()
    off = (apart / beat - (apart / beat).round()).abs() * beat * ms
    spectra = _spectra(x.mean(0), starts * step, sample_rate)
    gaps = torch.cat((starts[:1], apart, len(peaks) - starts[-1:])).amax()
    empty = (peaks < NOTHING * peaks.max()).float().mean()
    in_time = BEAT_MS[0] <= beat * ms <= BEAT_MS[1]
    return Ticks(
        len(starts),
        (beat * ms).item(),
        (off < OFF_MS).float().mean().item(),
        _are_short(peaks, starts, round(TICK_MS / ms)),
        _are_alike(spectra),
        _have_a_pitch(spectra, sample_rate),
        bool(in_time and gaps <= LONGEST_GAP * beat and empty >= EMPTY),
    )


def _starts(peaks: Tensor, least_apart: int) -> Tensor:
    on = peaks > ON * peaks.max()
    rises = (on & ~torch.nn.functional.pad(on, (1, 0))[:-1]).nonzero().flatten()
    kept: list[int] = []
    for start in rises.tolist():
        if not kept or start - kept[-1] > least_apart:
            kept.append(start)
    return torch.tensor(kept)


def _are_short(peaks: Tensor, starts: Tensor, after: int) -> bool:
    """Whether each tick has gone before the next one, or the end."""
    ends = torch.cat((starts[1:], torch.tensor([len(peaks)])))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        rest = peaks[start + after : end - 1]  # the next one may begin within a millisecond
        if len(rest) and rest.max() > 10 ** (RINGING_DB / 20) * peaks[start : start + after].max():
            return False
    return True


def _spectra(mono: Tensor, starts: Tensor, sample_rate: int) -> Tensor:
    """Magnitudes of each tick, of length 1: `(ticks, bins)`. Those at the very end are left out."""
    size = sample_rate // 20
    first = (starts - sample_rate // 500).clamp(min=0)
    first = first[first + size <= len(mono)]
    frames = mono[first[:, None] + torch.arange(size)]
    spectra = torch.fft.rfft(frames * torch.hann_window(2 * size)[size:]).abs()
    return spectra / spectra.norm(dim=-1, keepdim=True).clamp(min=1e-12)


def _are_alike(spectra: Tensor) -> bool:
    """Whether each tick sounds like the first one, or like that which is least like it."""
    likeness = spectra @ spectra.mT
    other = likeness[0].argmin()
    return bool((likeness[0].maximum(likeness[other]) >= ALIKE).all())


def _have_a_pitch(spectra: Tensor, sample_rate: int) -> bool:
    power = spectra.square().mean(0)
    hz = torch.linspace(0, sample_rate / 2, len(power))
    at = hz[power.argmax()]
    near = (hz > at * 2 ** (-1 / 6)) & (hz < at * 2 ** (1 / 6))
    return bool(at > PITCH_HZ and power[near].sum() >= OF_ONE_PITCH * power.sum())
