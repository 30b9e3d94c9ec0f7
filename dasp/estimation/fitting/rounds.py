"""Starts of a fit, one after the other, until what is heard has been explained.

Least squares ends at the nearest answer, which is often a bad one: two bands of an equaliser in
each other's place, a peak where there should be dips around it. So it starts again: from settings
that sound like the best so far (`alike`), or elsewhere. A quarter of a second is heard at first,
which a chain runs through quickly, and twice as much each time that all of it has been explained.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis.alignment import measure_delay
from dasp.estimation.fitting.alike import settings_alike
from dasp.estimation.fitting.distance import distance_for
from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.stages import POLISH, Stages
from dasp.estimation.levenberg_marquardt import Stop

FIRST_S = 0.25

GOOD, GOOD_BY_SPSA = 10 ** (-40.2 / 10), 10 ** (-23 / 10)
"""Error-to-signal ratios under which what is heard counts as explained. Random directions alone
come near slowly."""

POWERS = (0.0, 0.5)
"""Of the damping, in turn: see `levenberg_marquardt`."""

AWAY = 0.12
"""Standard deviation from what was given of half of the starts elsewhere, where 1 is the way across
a range. An approach follows, pulled in turn towards what was given and to where it started. The
others have one processor or band of the best so far drawn anew."""

END = 0.02
"""How far from the ends of the ranges a start stays."""

EVERY = 3
"""Of so many turns one starts elsewhere, and the others like the best."""

ALIKE, TOGETHER = 6, 4
"""Starts of a turn, like the best and elsewhere: a chain runs through several settings in little
more time than through one."""

LEAST_LAG, MOST_LAG = 0.1, 4
"""Samples by which an output that sounds right may be late or early, and is put right."""

Hear = Callable[..., Excerpt]
"""From one lag for each start, and `seconds`, to what is heard."""


class Polished(NamedTuple):
    """Settings that were polished.

    Args:
        u: Controls `(1, n)`.
        lag: Delay in samples.
        error: Error-to-signal ratio of what was heard.
    """

    u: Tensor
    lag: float
    error: float


def best_of_rounds(
    stages: Stages,
    given: Tensor,
    lags: list[float],
    hear: Hear,
    rounds: int,
    most_s: float,
    good: float,
) -> Polished:
    """Fit from one start after the other, and keep the best.

    Args:
        stages: The stages of the fit.
        given: Controls of the settings that were given, `(1, n)`.
        lags: Delays in samples that the processed recording may have.
        hear: Returns the excerpt for given lags and seconds.
        rounds: Largest number of starts.
        most_s: Length of the longest excerpt in seconds.
        good: Error-to-signal ratio that is small enough.

    Returns:
        The settings of the smallest error.
    """
    seconds = min(FIRST_S, most_s)
    best = Polished(given, lags[0], math.inf)
    from_given = [_by_distance, _as_it_is]
    if stages.can_approach:
        from_given = [_by_approach, _by_distance]
    turn, starts = 0, 0
    while starts < (rounds if stages.can_polish else 1):
        heard, left = partial(hear, seconds=seconds), rounds - starts
        u, lag, rival, power = given[:0], best.lag, best.error, 0.0
        if turn % EVERY and stages.can_approach:
            u = settings_alike(stages, best.u, given, heard([lag]), min(ALIKE, left))
            u = torch.cat((given, u))[:left] if turn == 1 else u  # and once as it was given
        if not len(u):
            power = POWERS[turn % len(POWERS)]
            if from_given:
                (u, lag), rival = from_given.pop(0)(stages, given, lags, heard), math.inf
            else:
                count = min(TOGETHER if stages.can_approach else 1, left)
                u = _elsewhere(given, best.u, count, turn, stages, heard([lag]))
        found = polished(stages, u, lag, heard, power=power, goal=good, rival=rival)
        if found.error < best.error:
            best = _with_every_power(stages, found, heard, good)
        while best.error < good and seconds < most_s:
            seconds = min(2 * seconds, most_s)
            heard = partial(hear, seconds=seconds)
            best = polished(stages, best.u, best.lag, heard, goal=good)
        if best.error < good:
            break
        turn, starts = turn + 1, starts + len(u)
    return best


def polished(
    stages: Stages,
    u: Tensor,
    lag: float,
    hear: Hear,
    *,
    goal: float,
    rival: float = math.inf,
    power: float = 0.0,
    least_lag: float = LEAST_LAG,
    stop: Stop = POLISH,
) -> Polished:
    """Polish settings, and find the delay to a part of a sample.

    Args:
        stages: The stages of the fit.
        u: Controls `(starts, n)`, of which the best is kept.
        lag: Delay in samples so far.
        hear: Returns the excerpt for given lags.
        goal: Error-to-signal ratio that is small enough.
        rival: Error-to-signal ratio of other settings, which are to be beaten.
        power: The power of the damping, from 0 (Levenberg) to 1 (Marquardt).
        least_lag: Delay in samples that is small enough.
        stop: What ends a polish, as `Stages.polish` takes it.

    Returns:
        The controls, the delay, and the error that is left.
    """
    polish = partial(stages.polish, goal=goal, rival=rival, power=power, stop=stop)
    heard = hear([lag])
    u = polish(u, heard)
    output = stages.output(u, heard)
    error, i = heard.error(output).min(0)
    u = u[i][None]
    found = Polished(u, lag, error.item())
    if found.error > rival:
        return found
    # A filter in the chain moves the sound a little too: only now can a lag be told from it.
    lates = measure_delay(heard.target, heard.heard(output)[i], max_delay_samples=MOST_LAG)
    late = lates.double().mean().item()
    if not least_lag < abs(late) < MOST_LAG:
        return found
    moved = hear([lag + late])
    u = polish(u, moved)
    again = Polished(u, lag + late, stages.error(u, moved).item())
    return again if again.error < found.error else found


def _with_every_power(stages: Stages, found: Polished, hear: Hear, good: float) -> Polished:
    """Polish with one damping after the other, for as long as another damping helps."""
    turn = 0
    while found.error > good:
        turn += 1
        power = POWERS[turn % len(POWERS)]
        again = polished(stages, found.u, found.lag, hear, goal=good, power=power)
        little = again.error > 0.9 * found.error
        found = min(found, again, key=lambda polished: polished.error)
        if little:
            break
    return found


def _by_approach(
    stages: Stages, given: Tensor, lags: list[float], hear: Hear
) -> tuple[Tensor, float]:
    """Make levels equal, which a delay hardly moves, and choose the lag by the answer."""
    return _nearer(stages, stages.approach(given, given, hear(lags[-1:])), lags, hear)


def _by_distance(
    stages: Stages, given: Tensor, lags: list[float], hear: Hear
) -> tuple[Tensor, float]:
    """Search with each of the possible lags, and keep the better answer."""
    heard = hear(lags)
    distance = distance_for(stages.processor, stages.knobs, heard.dry[0], stages.sample_rate)
    u = stages.search(given.expand(len(lags), -1), heard, distance)
    return _nearer(stages, u, lags, hear)


def _as_it_is(stages: Stages, given: Tensor, lags: list[float], hear: Hear) -> tuple[Tensor, float]:
    return _nearer(stages, given, lags, hear)


def _nearer(stages: Stages, u: Tensor, lags: list[float], hear: Hear) -> tuple[Tensor, float]:
    """The settings `(1, n)` whose waveform is nearest, of those for each lag or for all."""
    u = u.expand(len(lags), -1)
    i = int(stages.error(u, hear(lags)).argmin())
    return u[i : i + 1], lags[i]


def _elsewhere(
    given: Tensor, best: Tensor, count: int, turn: int, stages: Stages, heard: Excerpt
) -> Tensor:
    """New starts `(count, n)`: some around what was given, approached, and some partly the best."""
    anew = [_partly_anew(best, stages) for _ in range((count + turn % 2) // 2)]
    if len(anew) == count:
        return torch.cat(anew)
    away = torch.cat([_away_from(given, stages) for _ in range(count - len(anew))])
    pulled = (torch.arange(len(away), device=away.device)[:, None] + turn // 2) % 2 == 0
    away = stages.approach(away, torch.where(pulled, given, away), heard)
    return torch.cat((away, *anew))


def _away_from(u: Tensor, stages: Stages) -> Tensor:
    """Move all controls `(1, n)` at random."""
    moved = u + AWAY * torch.randn(u.shape, generator=stages.generator).to(u)
    return moved.clamp(END, 1 - END)


def _partly_anew(u: Tensor, stages: Stages) -> Tensor:
    """Draw the controls of one processor, or of one band, at random, and keep the others."""
    groups, generator, u = stages.knobs.groups(), stages.generator, u.clone()
    which = groups[int(torch.randint(len(groups), (), generator=generator))]
    u[:, which] = torch.rand(1, len(which), generator=generator).to(u)
    return u
