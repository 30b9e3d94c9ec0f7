"""From a dry and a processed recording to the settings of a chain."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, check_range, checked_sample_rate
from dasp.analysis.alignment import measure_delay
from dasp.estimation.fitting.excerpt import Excerpt
from dasp.estimation.fitting.knobs import free_knobs, with_more_knobs
from dasp.estimation.fitting.rounds import GOOD, GOOD_BY_SPSA, best_of_rounds, polished
from dasp.estimation.fitting.stages import LAST_POLISH, POLISH, Progress, Stages
from dasp.functional._processor import Processor, check_processor, is_sidechain
from dasp.functional.time_shift import time_shift
from dasp.grad import GRADIENTS
from dasp.grad.tcn import TCN
from dasp.processors.stage import Stage
from dasp.signal.backends._threads import one_thread
from dasp.units import power_to_db

GOAL = 10 ** (-60 / 10)
"""Under this error-to-signal ratio, the last polish has nothing to add."""

MARGIN = 0.05
"""How far the first start is from the ends of the ranges, where 1 is the way across."""

SILENT = 1e-6

LEAST_LAG = 0.02
"""Samples that the last polish still puts right."""


@dataclass(frozen=True)
class Fit:
    """The settings that a fit has found.

    Args:
        processor: The processor that was fitted.
        settings: The value of each parameter and option by name, in its unit.
        error_db: Error-to-signal ratio in dB over the whole recording, 0 for a silent output, by
            stage: "start" (the settings that were given), "search" and "polish".
        lag_samples: Delay in samples of the processed recording against the output of the chain.
        history: After each step its stage, and the smallest error in dB on the excerpt so far.

    >>> from dasp.processors.catalogue import GAIN
    >>> Fit(GAIN, {"gain_db": -6.0}, {"polish": -60.0}, 0.0, ()).settings
    {'gain_db': -6.0}
    """

    processor: Processor
    settings: dict[str, Any]
    error_db: dict[str, float]
    lag_samples: float
    history: tuple[tuple[str, float], ...]

    def __repr__(self) -> str:
        errors = ", ".join(f"{stage} {error:.1f} dB" for stage, error in self.error_db.items())
        stage = Stage(self.processor, self.settings)
        return f"Fit({stage}, error: {errors}, lag {self.lag_samples:.2f} samples)"


def fit(
    dry: Tensor,
    processed: Tensor,
    sample_rate: float,
    processor: Processor,
    settings: Mapping[str, Any] | None = None,
    *,
    gradient: str = "autodiff",
    hold: Sequence[str] = (),
    also: Sequence[str] = (),
    rounds: int = 64,
    excerpt_s: float = 2.0,
    max_delay_ms: float = 50.0,
    network: TCN | None = None,
    seed: int = 0,
    on_step: Progress = lambda stage, error_db: None,
) -> Fit:
    """Estimate the settings with which a processor makes `processed` of `dry`.

    Torch computes on one thread meanwhile, as in `dasp.unmix`.

    Args:
        dry: Audio `(channels, time)`.
        processed: Output of the unknown settings, of the shape of `dry`.
        sample_rate: Rate of both, in Hz.
        processor: The processor to fit, most often a chain.
        settings: Where to begin, and the values of what is held; defaults where left out.
        gradient: Source of the derivatives, one of `dasp.grad.GRADIENTS`. With "autodiff" they are
            automatic in the search; the later stages take differences, which are faster.
        hold: Names of parameters that stay as they are, or patterns such as `"*.mix"`.
        also: Names of options to fit too: numbers such as the compressor's `"slow_mix"`.
        rounds: Largest number of starts, 1 or more; a small error ends the fit before.
        excerpt_s: Seconds of a longer recording that are heard, where it is loudest, above 0.
        max_delay_ms: Largest delay or advance of `processed` in ms, 0 or more.
        network: The trained proxy, where `gradient` needs one.
        seed: Seed of all that is random; the same call finds the same settings.
        on_step: Called after each step with its stage and the smallest error in dB.

    Returns:
        The settings, the errors, the delay and the history.

    Raises:
        ValueError: If a recording is silent, not finite or of another shape, or an argument is
            unknown or outside its range.

    >>> from dasp.processors.catalogue import GAIN
    >>> dry = torch.randn(1, 4000)
    >>> found = fit(dry, 0.5 * dry, 44_100, GAIN)
    >>> round(found.settings["gain_db"], 2)
    -6.02
    """
    check_processor("processor", processor)
    sample_rate = checked_sample_rate(sample_rate)
    _check(dry, processed, rounds, excerpt_s, max_delay_ms)
    check_choice("gradient", gradient, GRADIENTS)
    settings = dict(settings or {})
    _check_settings(processor, settings)
    processor = with_more_knobs(processor, also, settings)
    dry, processed = dry.detach(), processed.detach()
    _check_turnable(processor, also, settings, dry[None, ..., :64], sample_rate)
    knobs = free_knobs(processor, settings, hold=hold, differentiable=gradient == "autodiff")
    generator = torch.Generator().manual_seed(seed)
    history: list[tuple[str, float]] = []

    def note(stage: str, error_db: float) -> None:
        history.append((stage, error_db))
        on_step(stage, error_db)

    stages = Stages(processor, knobs, sample_rate, gradient, network, generator, note)

    def excerpt(lags: list[float], seconds: float = math.inf) -> Excerpt:
        moved = [time_shift(dry, sample_rate, delay_samples=lag) if lag else dry for lag in lags]
        return Excerpt(torch.stack(moved), processed, sample_rate, seconds)

    def error(u: Tensor, lag: float) -> float:
        return stages.error(u, excerpt([lag])).item()

    given = knobs.at(settings, margin=MARGIN).to(dry.device)[None]
    good = GOOD_BY_SPSA if gradient == "spsa" else GOOD
    goal = good if gradient == "spsa" else GOAL
    whole = partial(excerpt, seconds=excerpt_s)
    with one_thread():
        possible = _possible_lags(dry, processed, max_delay_ms * sample_rate / 1000)
        errors = {"start": error(given, possible[0])}
        best = best_of_rounds(stages, given, possible, excerpt, rounds, excerpt_s, good)
        errors["search"] = error(best.u, best.lag)
        stop = LAST_POLISH if errors["search"] < good else POLISH
        best = polished(stages, best.u, best.lag, whole, least_lag=LEAST_LAG, goal=goal, stop=stop)
        errors["polish"] = error(best.u, best.lag)
    found = {name: value.tolist() for name, value in knobs.values(best.u[0]).items()}
    return Fit(
        processor,
        {**knobs.held, **found},
        {stage: power_to_db(value) for stage, value in errors.items()},
        best.lag,
        tuple(history),
    )


def _possible_lags(dry: Tensor, processed: Tensor, most: float) -> list[float]:
    """No lag, and the lag that is measured, unless a filter may have caused it."""
    mono = (processed.mean(-2, keepdim=True), dry.mean(-2, keepdim=True))
    lag = measure_delay(*mono, max_delay_samples=round(most)).item()
    return [0.0, lag] if abs(lag) > 0.5 else [0.0]


def _check(dry, processed, rounds, excerpt_s, max_delay_ms) -> None:
    for name, x in (("dry", dry), ("processed", processed)):
        check_audio(x, name)
        if x.ndim != 2:
            raise ValueError(f"{name}: expected shape (channels, time), got {tuple(x.shape)}")
        if not x.isfinite().all():
            raise ValueError(f"{name}: expected finite samples")
        if x.numel() == 0 or x.abs().max() < SILENT:
            raise ValueError(f"{name}: expected sound, got silence")
    if dry.shape != processed.shape:
        raise ValueError(
            f"processed: expected the shape of dry, {tuple(dry.shape)}, got "
            f"{tuple(processed.shape)}; cut or pad one of them"
        )
    check_range("rounds", rounds, low=1)
    check_range("excerpt_s", excerpt_s, above=0.0)
    check_range("max_delay_ms", max_delay_ms, low=0.0)


def _check_turnable(
    processor: Processor,
    names: Sequence[str],
    settings: Mapping[str, Any],
    x: Tensor,
    sample_rate: float,
) -> None:
    """Refuse an option that fixes a length, by running the processor with a tensor for it."""
    for name in names:
        ones = (1,) * (x.ndim - 2)
        value = torch.full((2, *ones), float({**processor.defaults(), **settings}[name]))
        try:
            processor(x.expand(2, *x.shape), sample_rate, **{**settings, name: value})
        except (TypeError, RuntimeError) as error:
            raise ValueError(f"also: {name} fixes a length, and cannot be turned") from error


def _check_settings(processor: Processor, settings: Mapping[str, Any]) -> None:
    for name in settings:
        if is_sidechain(name):
            raise ValueError(f"{name}: a chain that listens to another recording cannot be fitted")
    processor.check_settings({k: v for k, v in settings.items() if k not in processor.inputs})
