"""The noise gate: quiet passages are lowered by a fixed range.

Its detector starts as if silence stood before the audio, so it begins closed.
"""

import torch
from torch import Tensor

from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.detector import Detector, detect_level
from dasp.functional.dynamics import pole
from dasp.signal._fused import on_gpu
from dasp.signal.ballistics import ballistics
from dasp.units import db_to_gain, gain_to_db


@audio_processor
def noise_gate(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Value,
    attack_ms: Value,
    release_ms: Value,
    hysteresis_db: Value = 6.0,
    hold_ms: Value = 20.0,
    range_db: Value = 80.0,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    memory: Memory = WHOLE,
) -> Tensor:
    """Let loud audio through, and lower quiet audio by a fixed range.

    The gate opens when the level reaches `threshold_db`, and closes when the level has been more
    than `hysteresis_db` below it for longer than `hold_ms`. It begins closed. Open or closed is a
    decision without a gradient: none reaches `threshold_db`, `hysteresis_db`, `hold_ms` or the
    side chain. A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level that opens the gate, in dB of full scale. [-80 to 0 dB]
        attack_ms: Time in which the gain covers 63 % of the way to open, 0 or more.
            [0.05 to 100 ms]
        release_ms: Time in which the gain covers 63 % of the way to closed, 0 or more.
            [5 to 4000 ms]
        hysteresis_db: How far the closing level lies below the opening level, 0 or more.
            [0 to 24 dB]
        hold_ms: Time for which the gate stays open after the last sample at the closing level or
            above, 0 or more. [1 to 500 ms]
        range_db: How far a closed gate lowers the level, 0 or more; 0 is neutral. [0 to 120 dB]
        detector: "peak", the magnitude of every sample, or "rms", the mean square over 10 ms.
        linked: Whether all channels open and close together, by the loudest. Otherwise each does by
            itself.
        sidechain: Audio that opens the gate in place of `x`, of the shape of `x` or with one
            channel; None listens to `x`.
        sidechain_high_pass_hz: High-pass in front of the detector, below Nyquist; None is off.
            [1 to 20000 Hz]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If a time, `hysteresis_db` or `range_db` is below 0, `sidechain_high_pass_hz` is
            not between 0 and Nyquist, `detector` is unknown, or `sidechain` does not fit `x`.

    >>> hiss = torch.full((1, 4800), 0.001)  # -60 dB
    >>> y = noise_gate(hiss, 48_000, threshold_db=-40.0, attack_ms=1.0, release_ms=100.0)
    >>> bool(y.abs().max() < 1e-6)
    True
    """
    listening = Detector(detector, linked, sidechain, sidechain_high_pass_hz)
    gain = _gain(
        x, sample_rate, listening, threshold_db, attack_ms, release_ms, hysteresis_db, hold_ms,
        range_db, memory,
    )  # fmt: skip
    return x * gain


NOISE_GATE = Processor(
    in_blocks(noise_gate),
    Param("threshold_db", -80.0, 0.0, default=-40.0, differentiable=False),
    Param("attack_ms", 0.05, 100.0, default=1.0, scale="log"),
    Param("release_ms", 5.0, 4000.0, default=100.0, scale="log"),
    Param("hysteresis_db", 0.0, 24.0, differentiable=False),
    Param("hold_ms", 1.0, 500.0, scale="log", differentiable=False),
    Param("range_db", 0.0, 120.0),
    Option("detector", choices=("peak", "rms")),
    Option("linked", choices=(True, False)),
    Option("sidechain_high_pass_hz", low=1.0, high=20_000.0),
    inputs=("sidechain",),
    neutral={"range_db": 0.0},
)


@audio_processor
def noise_gate_gain_reduction(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Value,
    attack_ms: Value,
    release_ms: Value,
    hysteresis_db: Value = 6.0,
    hold_ms: Value = 20.0,
    range_db: Value = 80.0,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    memory: Memory = WHOLE,
) -> Tensor:
    """Measure the gain reduction by which `noise_gate` lowers `x`.

    A parameter is a number or a tensor `(*batch)`; what it means and may be stands at
    `noise_gate`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level that opens the gate, in dB of full scale.
        attack_ms: Time in which the gain covers 63 % of the way to open, 0 or more.
        release_ms: Time in which the gain covers 63 % of the way to closed, 0 or more.
        hysteresis_db: How far the closing level lies below the opening level, 0 or more.
        hold_ms: Time for which the gate stays open after the last loud sample, 0 or more.
        range_db: How far a closed gate lowers the level, 0 or more; 0 is neutral.
        detector: "peak" or "rms".
        linked: Whether all channels open and close together, by the loudest.
        sidechain: Audio that opens the gate in place of `x`; None listens to `x`.
        sidechain_high_pass_hz: High-pass in front of the detector, below Nyquist; None is off.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Gain reduction in dB, 0 or more, `(*batch, channels, time)`; with one channel where
        `linked`, or where the side chain has one.

    Raises:
        ValueError: Where `noise_gate` raises one.

    >>> hiss = torch.full((1, 4800), 0.001)  # -60 dB
    >>> settings = dict(threshold_db=-40.0, attack_ms=1.0, release_ms=100.0, range_db=30.0)
    >>> reduction_db = noise_gate_gain_reduction(hiss, 48_000, **settings)
    >>> round(reduction_db[0, -1].item(), 3)
    30.0
    """
    listening = Detector(detector, linked, sidechain, sidechain_high_pass_hz)
    gain = _gain(
        x, sample_rate, listening, threshold_db, attack_ms, release_ms, hysteresis_db, hold_ms,
        range_db, memory,
    )  # fmt: skip
    return -gain_to_db(gain)


def _gain(
    x: Tensor,
    sample_rate: float,
    listening: Detector,
    threshold_db: Value,
    attack_ms: Value,
    release_ms: Value,
    hysteresis_db: Value,
    hold_ms: Value,
    range_db: Value,
    memory: Memory,
) -> Tensor:
    """The gain `(*batch, channels or 1, time)`, from that of a closed gate to 1."""
    level_db = detect_level(x, sample_rate, listening, memory)
    opening_db = per_item("threshold_db", threshold_db, x)[..., None, None]
    hysteresis_db = per_item("hysteresis_db", hysteresis_db, x, low=0.0)[..., None, None]
    hold = per_item("hold_ms", hold_ms, x, low=0.0)[..., None, None] * (sample_rate / 1000)
    closing_db, hold = opening_db - hysteresis_db, hold.round()
    if memory.whole:
        is_open = _is_open_at_once(level_db, opening_db, closing_db, hold)
    else:
        is_open = _is_open(level_db >= opening_db, level_db >= closing_db, hold, memory)
    range_db = per_item("range_db", range_db, x, low=0.0)[..., None, None]
    closed = db_to_gain(-range_db)
    attack = pole("attack_ms", attack_ms, x, sample_rate)[..., None]
    release = pole("release_ms", release_ms, x, sample_rate)[..., None]

    def follow(target: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        return ballistics(target, attack, release, closed[..., 0] if before is None else before)

    target = torch.where(is_open, 1.0, closed)
    return memory.through("smooth", follow, memory.exact(target)).to(x.dtype)


@on_gpu("gate_cuda.is_open", last=1, adjoint=False)
def _is_open_at_once(
    level_db: Tensor, opening_db: Tensor, closing_db: Tensor, hold: Tensor
) -> Tensor:
    return _is_open(level_db >= opening_db, level_db >= closing_db, hold, WHOLE)


def _is_open(opens: Tensor, stays: Tensor, hold: Tensor, memory: Memory) -> Tensor:
    """Where the gate is open: `opens` is where the level opens it, `stays` where it keeps it open.

    The gate is quiet where the level has not kept it open for more than `hold` samples. It is open
    where it was last opened after it was last quiet: two running maxima of times, without a loop.
    """
    n = memory.position(opens)

    def last(name: str, event: Tensor) -> Tensor:
        return memory.through(f"last_{name}", _last, event, n)

    quiet = n - last("stay", stays) > hold
    return last("opening", opens) > last("quiet", quiet)


def _last(event: Tensor, n: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """The time of the last event at every sample `n`; -1 before the first event."""
    last = torch.where(event, n, -1)
    if before is None:
        before = last.new_full(last.shape[:-1], -1)
    else:
        last = torch.cat((before[..., None], last), -1)
    last = last.cummax(-1).values
    return last[..., last.shape[-1] - n.shape[0] :], last[..., -1] if n.shape[0] else before
