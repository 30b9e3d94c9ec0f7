"""The chain that brings a mix to the style of a reference, and what is believed of its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dasp.estimation.fitting.knobs import Knobs, free_knobs
from dasp.estimation.matching.prior import Belief, Prior, prior_of
from dasp.estimation.matching.voices import VOICES, voice_dynamics
from dasp.estimation.unmixing.linear_strips import HIGHEST_SHARE
from dasp.functional._param import Param
from dasp.mixing.in_range import in_range
from dasp.mixing.targets import CEILING_DB
from dasp.processors import Processor
from dasp.processors.catalogue import (
    COMPRESSOR,
    EXPANDER,
    GAIN,
    LIMITER,
    MULTIBAND_COMPRESSOR,
    PARAMETRIC_EQ,
    STEREO_PANNER,
    STEREO_WIDENER,
)
from dasp.processors.chain import combined
from dasp.processors.stage import Stage
from dasp.units import gain_to_db

DYNAMICS = ("single", "multiband", "none")

BELIEFS = {
    "low_shelf_gain_db": Belief(4.5),
    "peak_gain_db": Belief(4.5),
    "high_shelf_gain_db": Belief(4.5),
    "low_shelf_freq_hz": Belief(1.4),
    "peak_freq_hz": Belief(1.4),
    "high_shelf_freq_hz": Belief(1.4),
    "low_shelf_q": Belief(1.2),
    "peak_q": Belief(1.3),
    "high_shelf_q": Belief(1.2),
    "ratio": Belief(1.8, 1.0),
    "threshold_db": Belief(6.0),
    "attack_ms": Belief(2.0),
    "release_ms": Belief(1.6),
    "ceiling_db": Belief(4.0),
    "pan": Belief(0.3, 0.0),
    "width": Belief(0.4, 1.0),
}
"""Moderate settings: boosts and cuts of a few dB in broad bands, near the usual frequencies."""

HELD = (
    "expander.attack_ms", "expander.knee_db", "expander.range_db", "compressor.knee_db",
    "compressor.makeup_gain_db", "compressor.lookahead_ms", "compressor.mix",
    "multiband_compressor.makeup_gain_db", "multiband_compressor.knee_db",
    "multiband_compressor.crossover_freq_hz", "multiband_compressor.attack_ms",
    "multiband_compressor.release_ms", "limiter.release_ms", "limiter.gain_db",
)  # fmt: skip
"""Knobs that stay where they are. The gain and the last limiter behind the chain follow from the
loudness."""

START_RATIOS = {"expander": 1.5, "compressor": 2.0, "multiband_compressor": 2.0}
"""Beside the start that leaves dynamics alone there is one for each of these, and one with a
limiter that shaves the peaks."""

SHAVED_DB = 6.0

BROAD_Q = 0.7
UNDER_LOUD_DB = 8.0
LOUD_QUANTILE = 0.9
LEVEL_EVERY_S = 0.02
LEAST_RATIO, LEAST_PLACE, LEAST_GAIN_DB = 1.02, 0.005, 0.05
"""What is nearer to nothing is nothing."""

LIMITER_STAGE = Stage(LIMITER, {"ceiling_db": CEILING_DB, "true_peak": True})


class Chain(NamedTuple):
    """A chain to be set.

    Args:
        processor: All but the gain and the limiter at the end.
        knobs: Its free parameters.
        prior: What is believed of them.
        starts: Controls to start from, `(starts, n)`; the first change nothing.
    """

    processor: Processor
    knobs: Knobs
    prior: Prior
    starts: Tensor

    @property
    def neutral(self) -> Tensor:
        """Controls with which the chain changes nothing, `(n,)`."""
        return self.starts[0]

    def stages(self, u: Tensor) -> tuple[Stage, ...]:
        """Build the stages in front of the gain, without those that do nothing.

        Args:
            u: Controls `(n,)`.

        Returns:
            The stages, with rounded settings.
        """
        settings = {name: rounded(value) for name, value in self.knobs.settings(u).items()}
        stages = []
        for part in self.processor.parts:
            own = {
                key.removeprefix(f"{part.name}."): value
                for key, value in settings.items()
                if key.startswith(f"{part.name}.") and value is not None
            }
            if not _does_nothing(part, own):
                stages.append(Stage(part, own))
        return tuple(stages)


def mastering_chain(
    x: Tensor,
    sample_rate: float,
    *,
    dynamics: str = "single",
    equaliser: bool = False,
    role: str | None = None,
) -> Chain:
    """Build the chain for a mix, with thresholds where its loud moments are.

    Args:
        x: Audio of the mix, `(*pieces, channels, time)`.
        sample_rate: In Hz.
        equaliser: Whether the chain begins with an EQ of six bands.
        role: What plays, if that is known; for a voice its usual compressor is believed.
        dynamics: "single" is an expander, a compressor and a limiter for the peaks, "multiband" has
            three bands of compression, "none" has none of all.

    Returns:
        The chain, and four starts: with everything neutral, expanded, compressed and limited.
    """
    stages = _dynamics(x, sample_rate, dynamics)
    if equaliser:
        stages = (Stage(PARAMETRIC_EQ, {"peak_q": [BROAD_Q] * 4}), *stages)
    if x.shape[-2] == 2:
        stages += (Stage(STEREO_PANNER), Stage(STEREO_WIDENER))
    if not stages:
        nothing = Knobs((), {"gain.gain_db": 0.0})
        nobody = Prior(torch.zeros(0), torch.zeros(0, 0))
        return Chain(
            combined("chain", (Stage(GAIN),)).processor, nothing, nobody, torch.zeros(1, 0)
        )
    whole = combined("chain", stages)
    settings = {**whole.processor.defaults(), **whole.settings}
    names = [stage.processor.name for stage in stages]
    hold = [name for name in HELD if name.partition(".")[0] in names]
    knobs = free_knobs(whole.processor, settings, hold=hold)
    beliefs = {**BELIEFS, **voice_dynamics()} if role in VOICES else BELIEFS
    knobs = replace(knobs, free=tuple(_below(p, HIGHEST_SHARE * sample_rate) for p in knobs.free))
    others: list[dict[str, Any]] = [{}]
    for name in names:
        if name == "limiter":
            ceiling_db = settings["limiter.ceiling_db"] - SHAVED_DB
            others.append({"limiter.ceiling_db": in_range(LIMITER, "ceiling_db", ceiling_db)})
        if name in START_RATIOS:
            plain, ratio = settings[f"{name}.ratio"], START_RATIOS[name]
            others.append({f"{name}.ratio": [ratio] * 3 if isinstance(plain, list) else ratio})
    starts = torch.stack([knobs.at({**settings, **other}) for other in others]).float()
    return Chain(whole.processor, knobs, prior_of(knobs, beliefs, settings), starts)


def _dynamics(x: Tensor, sample_rate: float, which: str) -> tuple[Stage, ...]:
    """An expander and a compressor that do nothing yet, with thresholds at the loud moments."""
    if which == "none":
        return ()
    loud_db = _loud_moments_db(x, sample_rate)
    expander = Stage(EXPANDER, {"threshold_db": _in_range(loud_db), "ratio": 1.0})
    threshold_db = _in_range(loud_db - UNDER_LOUD_DB)
    if which == "multiband":
        settings = {"threshold_db": [threshold_db] * 3, "ratio": [1.0] * 3}
        compressor = Stage(MULTIBAND_COMPRESSOR, settings)
    else:
        compressor = Stage(COMPRESSOR, {"threshold_db": threshold_db, "ratio": 1.0})
    highest_db = in_range(LIMITER, "ceiling_db", gain_to_db(x.abs().max().item()))
    return expander, compressor, Stage(LIMITER, {"ceiling_db": highest_db})


def _below(param: Param, highest_hz: float) -> Param:
    """A frequency that a sample rate has."""
    if not param.name.endswith("_hz"):
        return param
    highs = param.high if isinstance(param.high, Sequence) else (param.high,)
    lows = param.low if isinstance(param.low, Sequence) else (param.low,)
    if max(highs) <= highest_hz:
        return param
    high = tuple(min(h, highest_hz) for h in highs)
    defaults = param.default if isinstance(param.default, Sequence) else (param.default,)
    default = tuple(min(max(d, a), b) for d, a, b in zip(defaults, lows, high, strict=True))
    one = param.bands is None
    return replace(param, high=high[0] if one else high, default=default[0] if one else default)


def _loud_moments_db(x: Tensor, sample_rate: float) -> float:
    """The peak level that one in ten of the moments goes over."""
    size = max(1, round(LEVEL_EVERY_S * sample_rate))
    time = x.shape[-1] // size * size
    peaks = x[..., :time].unflatten(-1, (-1, size)).abs().amax((-3, -1)).flatten()
    return gain_to_db(torch.quantile(peaks[peaks > 0].double(), LOUD_QUANTILE).item())


def _in_range(threshold_db: float) -> float:
    return min(max(threshold_db, -78.0), -0.5)


def rounded(value: Any) -> Any:
    """Round settings to the digits of a document.

    Args:
        value: A number, or several.

    Returns:
        The numbers, as floats and lists.
    """
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _does_nothing(processor: Processor, settings: Mapping[str, Any]) -> bool:
    """Whether a stage does so little that it is better left out."""
    if processor is GAIN:
        return abs(settings["gain_db"]) < LEAST_GAIN_DB
    if processor in (STEREO_PANNER, STEREO_WIDENER):
        knob = "pan" if processor is STEREO_PANNER else "width"
        return abs(settings[knob] - processor.defaults()[knob]) < LEAST_PLACE
    if processor is PARAMETRIC_EQ:
        gains_db = [settings["low_shelf_gain_db"], settings["high_shelf_gain_db"]]
        return max(map(abs, [*gains_db, *settings["peak_gain_db"]])) < LEAST_GAIN_DB
    if processor is LIMITER:
        return False
    ratios = settings["ratio"]
    return max(ratios if isinstance(ratios, list) else [ratios]) < LEAST_RATIO
