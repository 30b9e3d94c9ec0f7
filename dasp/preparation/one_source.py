"""Tracks that hear one source: which of them is upside down, and which comes late.

Two tracks hear one source where their coherence says so, and one peak of their cross-correlation,
within a few milliseconds, stands far above the highest of the other sign: only then does its sign
tell the polarity. Microphones of a kit hear every drum at another time; they are turned where the
evidence is as clear, and never moved. Moved are tracks of one source alone, which is what their
names say as well: two microphones on one drum or amplifier, a bass from its output and its speaker.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis.coherence import measure_coherence
from dasp.mixing.roles import stereo_pairs
from dasp.signal.stft import stft

REACH_S = 5e-3
"""How far apart two tracks of one source may be: 1.7 m of air."""

NEAR_S = 2e-3
"""And two microphones of a room of which one is to be turned."""

COHERENT, COHERENT_BY_NAME = 0.45, 0.3
CORRELATED, CORRELATED_BY_NAME = 0.4, 0.3
SECOND, SECOND_BY_NAME = 0.55, 0.7
"""The highest peak of the other sign, at most, beside the highest."""

LEAST_DELAY, SPREAD, MOST_SPREAD = 0.25, 0.1, 1.0
"""In samples: what is moved at all, and what two halves of the song may differ by."""

FRAME, OVERSAMPLING = 8192, 8

FLAT = 0.9
"""The share of what two tracks have in common that is in phase once they are in time."""

ONE_SOURCE_ROLES = ("kick", "snare", "bass", "guitar", "keys", "vocal", "brass", "strings")
KIT_ROLES = ("kick", "snare", "hihat", "tom", "overhead", "room", "cymbal", "other")


class Pair(NamedTuple):
    """What two tracks have in common.

    Args:
        i: Number of the first track.
        j: Number of the second.
        coherence: From 0 to 1.
        correlation: At the delay, from -1 to 1.
        second: The highest peak of the other sign beside the highest.
        delay: By how many samples the second is later.
        named: Whether their names say that they hear one source.
        steady: Whether both halves of the song agree on the delay, and it leaves them in phase.
    """

    i: int
    j: int
    coherence: float
    correlation: float
    second: float
    delay: float
    named: bool
    steady: bool

    @property
    def clear(self) -> bool:
        """Whether the sign of the correlation tells the polarity."""
        coherent, correlated, second = (
            (COHERENT_BY_NAME, CORRELATED_BY_NAME, SECOND_BY_NAME)
            if self.named
            else (COHERENT, CORRELATED, SECOND)
        )
        return (
            self.coherence >= coherent
            and abs(self.correlation) >= correlated
            and self.second <= second
        )


def pairs(
    names: Sequence[str], roles: Sequence[str], tracks: Sequence[Tensor], sample_rate: int
) -> Iterator[Pair]:
    """Find the pairs of tracks that hear one source, or one room.

    Args:
        names: Name of each track.
        roles: Role of each track.
        tracks: Audio `(channels, time)` of each track, of a stretch in which most play.
        sample_rate: In Hz.

    Yields:
        Each pair of enough coherence whose peak is within reach.
    """
    if len(tracks) < 2:
        return
    coherence = measure_coherence(tracks, sample_rate)
    sides = stereo_pairs(list(names))
    for i, j in combinations(range(len(tracks)), 2):
        named = (
            roles[i] == roles[j]
            and roles[i] in ONE_SOURCE_ROLES
            and not (i in sides and j in sides)
        )
        of_a_kit = roles[i] in KIT_ROLES and roles[j] in KIT_ROLES
        least = COHERENT_BY_NAME if named else COHERENT
        if coherence[i, j] < least or not (named or of_a_kit):
            continue
        reach = round((REACH_S if named else NEAR_S) * sample_rate)
        first, second = tracks[i].mean(0, keepdim=True), tracks[j].mean(0, keepdim=True)
        yield _pair(i, j, coherence[i, j].item(), first, second, reach, named)


def _pair(
    i: int, j: int, coherence: float, first: Tensor, second: Tensor, reach: int, named: bool
) -> Pair:
    one, other = (stft(x[0], FRAME, FRAME // 2) for x in (first, second))
    products = (other * one.conj()).to(torch.complex128)
    energy = products.abs().sum(0).cumsum(-1)
    middle = max(1, int((energy < energy[-1] / 2).sum()))  # each half has as much to hear
    cross, *halves = (
        part.mean(-1) for part in (products, products[:, :middle], products[:, middle:])
    )
    delay, second_peak = _highest_peak(cross, reach)
    most = max(SPREAD, min(MOST_SPREAD, abs(delay) / 20))
    agree = all(abs(_highest_peak(half, reach)[0] - delay) <= most for half in halves)
    place = torch.arange(len(cross), dtype=torch.float64) * (2 * math.pi / FRAME)
    turned = cross * torch.exp(1j * place * delay)
    flat = (turned.real.sum().abs() / turned.abs().sum().clamp(min=1e-30)).item()
    powers = [x.abs().double().square().mean(-1).sum() for x in (one, other)]
    correlation = (turned.real.sum() / (powers[0] * powers[1]).sqrt().clamp(min=1e-30)).item()
    steady = agree and flat >= FLAT and abs(delay) < reach - 1
    return Pair(i, j, coherence, correlation, second_peak, delay, named, steady)


def _highest_peak(cross: Tensor, reach: int) -> tuple[float, float]:
    """Where the whitened correlation is highest, of either sign, and the best of the other sign.

    As `dasp.analysis.measure_delay` has it, of a mean over frames, of which it takes little time.
    """
    power = cross.abs()
    whitened = cross / (power + 1e-5 * power.amax() + 1e-30).sqrt()
    fine = torch.fft.irfft(whitened, OVERSAMPLING * FRAME)
    most = OVERSAMPLING * reach
    near = torch.cat((fine[-most:], fine[: most + 1]))
    place = int(near.abs().argmax())
    wider = torch.cat((fine[-2 * most :], fine[: 2 * most + 1])) * near[place].sign()
    other_sign = (-wider).amax() / near[place].abs().clamp(min=1e-30)
    return (place - most + _vertex(near, place)) / OVERSAMPLING, other_sign.item()


def _vertex(y: Tensor, place: int) -> float:
    """How far the vertex of a parabola through three points is from the middle one."""
    if not 0 < place < len(y) - 1:
        return 0.0
    before, at, after = y[place - 1 : place + 2].tolist()
    curvature = before - 2 * at + after
    return 0.5 * (before - after) / curvature if curvature else 0.0


def turned_over(found: Sequence[Pair], count: int) -> dict[int, Pair]:
    """Choose the tracks to turn over, so that every clear pair agrees.

    Of each set of tracks that clear pairs connect the fewer are turned; of two, the one that fits
    the others less, or the second.

    Args:
        found: The pairs.
        count: Number of tracks.

    Returns:
        The number of each track to turn, with the clearest pair that says so; none where clear
        pairs contradict each other.
    """
    clear = [pair for pair in found if pair.clear]
    sign: dict[int, int] = {}
    turned: dict[int, Pair] = {}
    for start in range(count):
        if start in sign:
            continue
        sign[start], waiting, members, contradicts = 1, [start], [start], False
        while waiting:
            i = waiting.pop()
            for pair in clear:
                if i not in (pair.i, pair.j):
                    continue
                j = pair.j if pair.i == i else pair.i
                wanted = sign[i] * (1 if pair.correlation > 0 else -1)
                if j not in sign:
                    sign[j] = wanted
                    waiting.append(j)
                    members.append(j)
                contradicts = contradicts or sign[j] != wanted
        if contradicts or all(sign[i] > 0 for i in members):
            continue
        sides = [[i for i in members if sign[i] == value] for value in (1, -1)]
        if len(sides[0]) == len(sides[1]):
            fewer = min(reversed(sides), key=lambda side: _fit(side, found))
        else:
            fewer = min(sides, key=len)
        for i in fewer:
            own = [p for p in clear if i in (p.i, p.j) and p.correlation < 0]
            turned[i] = max(own or clear, key=lambda p: abs(p.correlation))
    return turned


def _fit(side: Sequence[int], found: Sequence[Pair]) -> float:
    """How well tracks fit those outside, as the pairs that are not clear have it."""
    return sum(
        pair.correlation * pair.coherence
        for pair in found
        if not pair.clear and (pair.i in side) != (pair.j in side)
    )


def delays(found: Sequence[Pair], count: int) -> dict[int, tuple[float, Pair]]:
    """Choose by how much to move tracks earlier, so that tracks of one source are in time.

    Args:
        found: The pairs.
        count: Number of tracks.

    Returns:
        For the number of each track to move by how many samples it is late, with the pair that
        says so.
    """
    sure = [pair for pair in found if pair.named and pair.clear and pair.steady]
    late: dict[int, tuple[float, Pair]] = {}
    seen: set[int] = set()
    for start in range(count):
        if start in seen:
            continue
        place, reason, waiting = {start: 0.0}, {}, [start]
        while waiting:
            i = waiting.pop()
            for pair in sorted(sure, key=lambda p: -p.coherence):
                if i not in (pair.i, pair.j):
                    continue
                j, by = (pair.j, pair.delay) if pair.i == i else (pair.i, -pair.delay)
                if j not in place:
                    place[j], reason[j] = place[i] + by, pair
                    reason.setdefault(i, pair)
                    waiting.append(j)
        seen |= place.keys()
        earliest = min(place.values())
        for i, at in place.items():
            if at - earliest >= LEAST_DELAY:
                late[i] = round(at - earliest, 3), reason[i]
    return late
