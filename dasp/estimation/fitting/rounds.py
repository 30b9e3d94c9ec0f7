"""Starts of a fit, one after the other, until what is heard has been explained.

Least squares ends at the nearest answer, which is often a bad one: two bands of an equaliser in
each other's place, a peak where there should be dips around it. So it starts again, elsewhere or
from the best so far with one processor or band drawn anew. A quarter of a second is heard at first,
which a chain runs through quickly, and twice as much each time that all of it has been explained.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from dasp.analysis.alignment import measure_delay
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

FROM_GIVEN = 2
"""So many rounds start from the settings that were given, the first of them by a search."""

AWAY = 0.12
"""Standard deviation from what was given in every other round from there on, where 1 is the way
across a range. An approach follows, pulled in turn towards what was given and to where it started.
The rounds between have one processor or band of the best so far drawn anew."""

END = 0.02
"""How far from the ends of the ranges a start stays."""

LEAST_LAG, MOST_LAG = 0.1, 4
"""Samples by which an output that sounds right may be late or early, and is put right."""

Hear = Callable[..., Excerpt]
"""From one lag for each start, and `seconds`, to what is heard."""


def best_of_rounds(
    stages: Stages,
    given: Tensor,
    lags: list[float],
    hear: Hear,
    rounds: int,
    most_s: float,
    good: float,
) -> tuple[Tensor, float]:
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
        Controls `(1, n)` of the smallest error, and the delay in samples.
    """
    seconds = min(FIRST_S, most_s)
    best, lag, least = given, lags[0], math.inf
    for turn in range(rounds if stages.can_polish else 1):
        heard = partial(hear, seconds=seconds)
        if turn == 0:
            start = _by_distance(stages, given, lags, heard(lags))
        elif turn < FROM_GIVEN:
            start = _nearer(stages, given.expand(len(lags), -1), lags, heard(lags))
        elif turn % 2:
            start = _partly_anew(best, stages), lag
        else:
            away = _away_from(given, stages)
            centre = given if turn % 4 else away
            start = stages.approach(away, centre, heard([lag])), lag
        rival = least if turn >= FROM_GIVEN else math.inf
        found = polished(stages, *start, heard, power=POWERS[turn % 2], goal=good, rival=rival)
        if (error := _error(stages, *found, heard)) < least:
            (best, lag), least = _with_every_power(stages, *found, heard, error, good)
        while least < good and seconds < most_s:
            seconds = min(2 * seconds, most_s)
            heard = partial(hear, seconds=seconds)
            best, lag = polished(stages, best, lag, heard, goal=good)
            least = _error(stages, best, lag, heard)
        if least < good:
            break
    return best, lag


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
) -> tuple[Tensor, float]:
    """Polish settings, and find the delay to a part of a sample.

    Args:
        stages: The stages of the fit.
        u: Controls `(1, n)`.
        lag: Delay in samples so far.
        hear: Returns the excerpt for given lags.
        goal: Error-to-signal ratio that is small enough.
        rival: Error-to-signal ratio of other settings, which are to be beaten.
        power: The power of the damping, from 0 (Levenberg) to 1 (Marquardt).
        least_lag: Delay in samples that is small enough.
        stop: What ends a polish, as `Stages.polish` takes it.

    Returns:
        Controls `(1, n)`, and the delay in samples.
    """
    polish = partial(stages.polish, goal=goal, rival=rival, power=power, stop=stop)
    heard = hear([lag])
    u = polish(u, heard)
    # A filter in the chain moves the sound a little too: only now can a lag be told from it.
    output = heard.heard(stages.output(u, heard))[0]
    lates = measure_delay(output=heard.target, reference=output, max_delay_samples=MOST_LAG)
    late = lates.double().mean().item()
    if not least_lag < abs(late) < MOST_LAG:
        return u, lag
    moved = hear([lag + late])
    again = polish(u, moved)
    better = stages.error(again, moved) < stages.error(u, heard)
    return (again, lag + late) if better else (u, lag)


def _with_every_power(
    stages: Stages, u: Tensor, lag: float, hear: Hear, error: float, good: float
) -> tuple[tuple[Tensor, float], float]:
    """Polish with one damping after the other, for as long as another damping helps."""
    turn = 0
    while error > good:
        turn += 1
        power = POWERS[turn % len(POWERS)]
        again = polished(stages, u, lag, hear, goal=good, power=power)
        its_error = _error(stages, *again, hear)
        if its_error > 0.9 * error:
            break
        (u, lag), error = again, its_error
    return (u, lag), error


def _by_distance(
    stages: Stages, given: Tensor, lags: list[float], heard: Excerpt
) -> tuple[Tensor, float]:
    """Search with each of the possible lags, and keep the better answer."""
    distance = distance_for(stages.processor, stages.knobs, heard.dry[0], stages.sample_rate)
    return _nearer(stages, stages.search(given.expand(len(lags), -1), heard, distance), lags, heard)


def _nearer(stages: Stages, u: Tensor, lags: list[float], heard: Excerpt) -> tuple[Tensor, float]:
    """The settings `(1, n)`, of several with a lag each, whose waveform is nearest."""
    i = int(stages.error(u, heard).argmin())
    return u[i : i + 1], lags[i]


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


def _error(stages: Stages, u: Tensor, lag: float, hear: Hear) -> float:
    return stages.error(u, hear([lag])).item()
