"""What dynamics processors share: a gain reduction that follows a level, and the audio behind it.

A detector measures the level, the static curve of a gain computer says by how much the gain is to
fall, and a smoother with attack and release follows that.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design:
a tutorial and analysis", JAES 60(6), 2012: the feed-forward design with a log-domain, smooth
branching detector behind the gain computer, which the authors recommend.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import per_item
from dasp.functional._made_once import made_once
from dasp.functional._memory import Memory
from dasp.functional.detector import Detector, key_signal
from dasp.signal.backends.dynamics_values import Curve, Output, Smoother
from dasp.signal.gain_computer import amplified, compressed, reduction_db
from dasp.signal.smoothing import design_one_pole


class Slow(NamedTuple):
    """A second gain reduction beside the first, and its share of the mean of both in dB."""

    smoother: Smoother
    share: Tensor


@dataclass(frozen=True)
class Dynamics:
    """How the gain of a compressor of any kind is found."""

    detector: Detector
    curve: Curve
    smoother: Smoother
    slow: Slow | None = None
    lookahead_ms: Value = 0.0
    downwards: bool = False
    """Whether the gain falls with levels below the threshold, and not with those above it."""

    @property
    def sign(self) -> float:
        """That of the levels beyond the threshold."""
        return -1.0 if self.downwards else 1.0


# -- values from arguments ------------------------------------------------------------------


def ratio_curve(
    x: Tensor,
    threshold_db: Value,
    ratio: Value,
    knee_db: Value = 0.0,
    range_db: Value | None = None,
) -> Curve:
    """The curve by which the output rises by 1 dB for `ratio` dB of the input."""
    return made_once(_ratio_curve, x, threshold_db, ratio, knee_db, range_db)


def _ratio_curve(
    x: Tensor, threshold_db: Value, ratio: Value, knee_db: Value, range_db: Value | None
) -> Curve:
    unlimited = x.new_full((), math.inf)
    return Curve(
        threshold_db=per_item("threshold_db", threshold_db, x),
        slope=1 - 1 / per_item("ratio", ratio, x, low=1.0),
        knee_db=per_item("knee_db", knee_db, x, low=0.0),
        range_db=unlimited if range_db is None else per_item("range_db", range_db, x, low=0.0),
    )


def attack_and_release(
    x: Tensor, sample_rate: float, attack_ms: Value, release_ms: Value
) -> Smoother:
    """A smoother that begins without gain reduction."""
    return made_once(_attack_and_release, x, sample_rate, attack_ms, release_ms)


def _attack_and_release(
    x: Tensor, sample_rate: float, attack_ms: Value, release_ms: Value
) -> Smoother:
    return Smoother(
        _pole(x, "attack_ms", attack_ms, sample_rate),
        _pole(x, "release_ms", release_ms, sample_rate),
        x.new_zeros(()),
    )


def pole(name: str, time_ms: Value, x: Tensor, sample_rate: float) -> Tensor:
    """The pole of a smoother that covers 63 % of a step in `time_ms`."""
    return made_once(_pole, x, name, time_ms, sample_rate)


def _pole(x: Tensor, name: str, time_ms: Value, sample_rate: float) -> Tensor:
    return design_one_pole(per_item(name, time_ms, x, low=0.0).double(), sample_rate)


def makeup_and_mix(x: Tensor, makeup_gain_db: Value = 0.0, mix: Value = 1.0) -> Output:
    """The make-up gain and the share of the compressed audio."""
    return made_once(_makeup_and_mix, x, makeup_gain_db, mix)


def _makeup_and_mix(x: Tensor, makeup_gain_db: Value, mix: Value) -> Output:
    return Output(
        per_item("makeup_gain_db", makeup_gain_db, x),
        per_item("mix", mix, x, low=0.0, high=1.0),
    )


def is_zero(value: Value) -> bool:
    """Whether a parameter is the number 0, and not a tensor, which may have a gradient."""
    return not isinstance(value, Tensor) and value == 0


# -- gain reduction -------------------------------------------------------------------------


def compress(
    x: Tensor, sample_rate: float, memory: Memory, dynamics: Dynamics, output: Output
) -> Tensor:
    """Lower `x` by the gain reduction that `dynamics` asks for."""
    linked = dynamics.detector.linked
    at_once = dynamics.detector.is_plain and is_zero(dynamics.lookahead_ms) and memory.whole
    if at_once and dynamics.slow is None:
        values = *dynamics.curve, *dynamics.smoother, *output
        return run_as_rows(compressed, (x,), values, dynamics.sign, linked=linked)
    reduction = gain_reduction(x, sample_rate, memory, dynamics)
    if not memory.whole:
        ahead = lookahead_samples(sample_rate, lookahead_ms=dynamics.lookahead_ms)
        x = memory.held("x", x, ahead)
    return lowered(x, reduction, output, linked=linked)


def gain_reduction(x: Tensor, sample_rate: float, memory: Memory, dynamics: Dynamics) -> Tensor:
    """Gain reduction in dB, `(*batch, channels or 1, time)`: one for all channels if linked."""
    key = key_signal(x, sample_rate, dynamics.detector, memory)
    reduction = _smooth_reduction("reduction_db", key, dynamics, dynamics.smoother, memory)
    if dynamics.slow is not None:
        slow = _smooth_reduction("slow_reduction_db", key, dynamics, dynamics.slow.smoother, memory)
        reduction = torch.lerp(reduction, slow, dynamics.slow.share[..., None, None])
    return _looking_ahead(reduction, dynamics.lookahead_ms, x, sample_rate, memory)


def _smooth_reduction(
    name: str, key: Tensor, dynamics: Dynamics, smoother: Smoother, memory: Memory
) -> Tensor:
    """The gain reduction from where the block before has left it under `name`."""

    def follow(key: Tensor, before_db: Tensor | None) -> tuple[Tensor, Tensor]:
        start_db = smoother.start if before_db is None else before_db
        reduction = run_as_rows(
            reduction_db,
            (key,),
            (*dynamics.curve, *smoother._replace(start=start_db)),
            dynamics.detector.db_per_decade,
            dynamics.sign,
            linked=dynamics.detector.linked,
        )
        return reduction, reduction[..., -1] if key.shape[-1] else start_db

    return memory.through(name, follow, memory.exact(key)).to(key.dtype)


def lowered(x: Tensor, reduction: Tensor, output: Output, *, linked: bool = True) -> Tensor:
    """`x` lowered by a gain reduction in dB, `(*batch, channels or 1, time)`."""
    linked = linked or reduction.shape[-2] == 1  # A mono side chain has one for all channels.
    return run_as_rows(amplified, (x, reduction), output, linked=linked)


def run_as_rows(
    function: Callable, signals: tuple[Tensor, ...], values: tuple[Tensor, ...], *options,
    linked: bool,
) -> Tensor:  # fmt: skip
    """Run a function of rows `(rows, channels, time)` on any batch; a row has one gain.

    Where `linked`, a row has the channels of a batch item; else every channel is a row. Gain
    reductions, which have no channels of their own, are `(*batch, channels or 1, time)`. A value
    is `(*batch)`, or `(*batch, channels or 1)` for one of each gain.
    """
    first = signals[0].unsqueeze(-3 if linked else -2)
    rows, time = first.shape[:-2], first.shape[-1]
    flat = math.prod(rows)
    y = function(
        first.reshape(flat, *first.shape[-2:]),
        *(signal.reshape(flat, time) for signal in signals[1:]),
        *(_one_a_row(value, rows, flat) for value in values),
        *options,
    )
    return y.reshape(*rows, time) if y.ndim == 2 else y.reshape(signals[0].shape)


def _one_a_row(value: Tensor, rows: torch.Size, flat: int) -> Tensor:
    if value.shape == (flat,):
        return value
    if value.ndim == 0:
        return value.expand(flat)
    if value.ndim < len(rows):
        value = value[..., None]
    return value.expand(rows).flatten()


# -- look-ahead -----------------------------------------------------------------------------


def lookahead_samples(sample_rate: float, *, lookahead_ms: Value = 0.0, **_) -> int:
    """How many samples of the future a gain reduction is read from, at most."""
    if is_zero(lookahead_ms):
        return 0
    lookahead_ms = torch.as_tensor(lookahead_ms, dtype=torch.float64)
    longest_ms = lookahead_ms.max().item() if lookahead_ms.numel() else 0.0
    return 1 + math.floor(longest_ms * sample_rate / 1000)


def _looking_ahead(
    reduction: Tensor, lookahead_ms: Value, x: Tensor, sample_rate: float, memory: Memory
) -> Tensor:
    samples = per_item("lookahead_ms", lookahead_ms, x, low=0.0) * (sample_rate / 1000)
    if is_zero(lookahead_ms):
        return reduction
    if memory.whole:
        return advanced(reduction, samples)
    ahead = lookahead_samples(sample_rate, lookahead_ms=lookahead_ms)
    return memory.around("lookahead", lambda signal: advanced(signal, samples), reduction, 0, ahead)


def advanced(x: Tensor, samples: Tensor) -> Tensor:
    """`x` moved earlier by `samples` `(*batch)`, a fraction by a straight line; the end holds."""
    last = max(x.shape[-1] - 1, 0)
    whole = samples.detach().floor()
    fraction = (samples - whole)[..., None, None]
    n = torch.arange(x.shape[-1], device=x.device)
    index = (n + whole.clamp(max=last).long()[..., None, None]).clamp(max=last).expand(x.shape)
    following = (index + 1).clamp(max=last)
    return torch.lerp(x.gather(-1, index), x.gather(-1, following), fraction)
