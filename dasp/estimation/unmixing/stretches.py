"""What is heard of a song: all of a short one, and of a long one stretches that tell as much.

Settings do not change over a song: a minute in which every track plays tells them as well as four
minutes, in a quarter of the time and of the memory. The stretches are those in which most tracks
have most of their energy, with at least one for each track.

Each comes with a lead-in, which fills filters and rooms with what came before, and with a lead-out
for tracks that are moved. Both are processed, and nothing in them counts.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

MOST_S, STRETCH_S = 60.0, 12.0
"""Of a song that is longer by more than a stretch, so much is heard, in stretches of this length.
"""

LEAST_SHARE = 0.05
"""Of the energy of each track, so much is heard, if it takes more stretches."""

LEAD_IN_S, LEAD_OUT_S = 1.0, 0.1
FADE_S, CUT_S = 0.1, 0.01
"""Stretches fade in and out where the error is weighed; what is cut out of a song, at its ends."""


class Stretches(NamedTuple):
    """Stretches of a song.

    Args:
        taken: Samples of the song that are processed, one after the other.
        heard: Samples that count, among those that are taken: without lead-ins and lead-outs.
        busiest: Samples of the stretch in which most plays, among those that are taken.
        seconds: Length of what is heard.
    """

    taken: tuple[slice, ...]
    heard: tuple[slice, ...]
    busiest: slice
    seconds: float

    @property
    def is_all(self) -> bool:
        """Whether the whole song is heard."""
        return self.taken == self.heard

    def cut(self, x: Tensor, sample_rate: float) -> Tensor:
        """Cut out the stretches of a signal, with their lead-ins.

        Args:
            x: Audio of the whole song, `(..., time)`.
            sample_rate: In Hz.

        Returns:
            Audio `(..., taken time)`.
        """
        if self.is_all:
            return x
        fade, parts = round(CUT_S * sample_rate), []
        for part in self.taken:
            at_start, at_end = part.start > 0, part.stop < x.shape[-1]
            window = fades(part.stop - part.start, fade, fade_in=at_start, fade_out=at_end)
            parts.append(x[..., part] * window.to(x))
        return torch.cat(parts, -1)

    def counted(self, x: Tensor) -> Tensor:
        """Leave out lead-ins and lead-outs.

        Args:
            x: Audio `(..., taken time)`.

        Returns:
            Audio `(..., heard time)`.
        """
        return x if self.is_all else torch.cat([x[..., part] for part in self.heard], -1)

    def faded(self, x: Tensor, sample_rate: float) -> Tensor:
        """Fade stretches in and out, with silence in place of lead-ins and lead-outs.

        Args:
            x: Audio `(..., taken time)`.
            sample_rate: In Hz.

        Returns:
            Audio of the shape of `x`; `x` where the whole song is heard.
        """
        if self.is_all:
            return x
        y, fade = torch.zeros_like(x), round(FADE_S * sample_rate)
        for part in self.heard:
            y[..., part] = x[..., part] * fades(part.stop - part.start, fade, part.start > 0).to(x)
        return y


def whole(time: int, sample_rate: float) -> Stretches:
    """Hear all of a song.

    Args:
        time: Length of the song in samples.
        sample_rate: In Hz.

    Returns:
        One stretch without a lead-in.
    """
    everything = slice(0, time)
    return Stretches((everything,), (everything,), everything, time / sample_rate)


def choose_stretches(
    tracks: Sequence[Tensor], sample_rate: float, *, least_s: float = 0.0, rings_s: float = 0.0
) -> Stretches:
    """Choose the stretches of a song in which every track plays.

    Args:
        tracks: Audio `(channels, time)` of each track, of one length.
        sample_rate: In Hz.
        least_s: Least length of a stretch in seconds.
        rings_s: Seconds for which what came before rings on, beside what filters take.

    Returns:
        The stretches; the whole song where it is hardly longer.
    """
    time = tracks[0].shape[-1]
    length = max(1, round(max(STRETCH_S, least_s) * sample_rate))
    most = max(1, round(MOST_S * sample_rate / length))
    if time <= (most + 1) * length:
        return whole(time, sample_rate)
    energy = torch.stack([_energies(track, length) for track in tracks])
    chosen = _covering(energy / energy.sum(-1, keepdim=True).clamp(min=1e-300), most)
    before = round((LEAD_IN_S + rings_s) * sample_rate)
    after = round(LEAD_OUT_S * sample_rate)
    taken, heard, at = [], [], 0
    busiest = slice(0, 0)
    for first, last in _runs(sorted(chosen)):
        start, stop = first * length, min((last + 1) * length, time)
        taken.append(slice(max(0, start - before), min(stop + after, time)))
        lead_in = start - taken[-1].start
        heard.append(slice(at + lead_in, at + lead_in + stop - start))
        if first <= chosen[0] <= last:
            busy = heard[-1].start + (chosen[0] - first) * length
            busiest = slice(busy, min(busy + length, heard[-1].stop))
        at += taken[-1].stop - taken[-1].start
    seconds = sum(part.stop - part.start for part in heard) / sample_rate
    return Stretches(tuple(taken), tuple(heard), busiest, seconds)


def fades(time: int, fade: int, fade_in: bool, fade_out: bool = True) -> Tensor:
    """Compute the window of a stretch.

    Args:
        time: Its length in samples.
        fade: Length of a fade in samples; half of the stretch at most.
        fade_in: Whether it fades in.
        fade_out: Whether it fades out.

    Returns:
        Gains `(time,)`, float64.
    """
    fade = min(fade, time // 2)
    ramp = torch.sin(torch.arange(fade, dtype=torch.float64) * (math.pi / 2 / max(fade, 1))) ** 2
    one = torch.ones_like(ramp)
    inner = torch.ones(time - 2 * fade, dtype=torch.float64)
    return torch.cat((ramp if fade_in else one, inner, ramp.flip(-1) if fade_out else one))


def _energies(track: Tensor, length: int) -> Tensor:
    """Energy of each stretch `(stretches,)`, a stretch at a time."""
    return torch.stack([part.double().square().sum() for part in track.split(length, -1)]).cpu()


def _covering(share: Tensor, most: int) -> list[int]:
    """Stretches, the busiest first, that hold much of the energy of every track.

    A track counts by the square root of the share that is heard of it, as in `busiest_stretch`.
    """
    chosen: list[int] = []
    heard = torch.zeros_like(share[:, 0])
    while True:
        missing = (heard < LEAST_SHARE) & (share.sum(-1) > 0)
        if len(chosen) >= most and not missing.any():
            return chosen
        rows = missing if len(chosen) >= most else torch.ones_like(missing)
        worth = ((heard[:, None] + share).sqrt() - heard[:, None].sqrt())[rows].sum(0)
        worth[chosen] = -1.0
        chosen.append(int(worth.argmax()))
        heard = heard + share[:, chosen[-1]]


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of numbers that follow each other."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
