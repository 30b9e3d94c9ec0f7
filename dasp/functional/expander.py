"""The downward expander: quiet passages get quieter.

Its detector starts as if silence stood before the audio, so its gain begins lowered.
"""

from torch import Tensor

from dasp._bounds import at_most
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.detector import Detector
from dasp.functional.dynamics import Dynamics, compress, gain_reduction, makeup_and_mix, pole
from dasp.signal.backends.dynamics_values import Curve, Smoother
from dasp.signal.gain_computer import soft_knee
from dasp.units import SILENCE_DB


@audio_processor
def expander(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    knee_db: Value = 6.0,
    range_db: Value = 40.0,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    memory: Memory = WHOLE,
) -> Tensor:
    """Spread the levels below a threshold by a ratio, so that quiet audio gets quieter.

    A parameter is a number or a tensor `(*batch)`. The detector starts as if silence stood before
    `x`, so the gain begins lowered.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level below which the gain falls, in dB of full scale. [-80 to 0 dB]
        ratio: Fall of the output level for each dB that the input falls below the threshold, 1 or
            more; 1 is neutral. [1 to 10]
        attack_ms: Time in which the gain, in dB, covers 63 % of a rise, 0 or more. [0.05 to 100 ms]
        release_ms: Time in which the gain, in dB, covers 63 % of a fall, 0 or more. [5 to 4000 ms]
        knee_db: Width of the quadratic bend around the threshold, 0 or more; 0 is a corner.
            [0 to 24 dB]
        range_db: The most that the gain falls, 0 or more; 0 is neutral. [0 to 80 dB]
        detector: "peak", the magnitude of every sample, or "rms", the mean square over 10 ms.
        linked: Whether all channels have one gain, that of the loudest. Otherwise each has its own.
        sidechain: Audio that sets the gain in place of `x`, of the shape of `x` or with one
            channel; None listens to `x`.
        sidechain_high_pass_hz: High-pass in front of the detector, below Nyquist; None is off.
            [1 to 20000 Hz]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `ratio` is below 1, a time, `knee_db` or `range_db` is below 0,
            `sidechain_high_pass_hz` is not between 0 and Nyquist, `detector` is unknown, or
            `sidechain` does not fit `x`.

    Source: that of `compressor`, with the curve turned downwards.

    >>> import torch
    >>> x = torch.full((1, 48_000), 0.01)  # -40 dB: 10 dB below the threshold, to become 20
    >>> y = expander(x, 48_000, threshold_db=-30, ratio=2, attack_ms=1, release_ms=100)
    >>> round(20 * y[0, -1].log10().item(), 3)
    -50.0
    """
    listening = Detector(detector, linked, sidechain, sidechain_high_pass_hz)
    dynamics = _dynamics(
        x, sample_rate, listening, threshold_db, ratio, attack_ms, release_ms, knee_db, range_db
    )
    return compress(x, sample_rate, memory, dynamics, makeup_and_mix(x))


EXPANDER = Processor(
    in_blocks(expander),
    Param("threshold_db", -80.0, 0.0, default=-40.0),
    Param("ratio", 1.0, 10.0, default=2.0, scale="log"),
    Param("attack_ms", 0.05, 100.0, default=2.0, scale="log"),
    Param("release_ms", 5.0, 4000.0, default=100.0, scale="log"),
    Param("knee_db", 0.0, 24.0),
    Param("range_db", 0.0, 80.0),
    Option("detector", choices=("peak", "rms")),
    Option("linked", choices=(True, False)),
    Option("sidechain_high_pass_hz", low=1.0, high=20_000.0),
    inputs=("sidechain",),
    neutral={"ratio": 1.0},
)


@audio_processor
def expander_gain_reduction(
    x: Tensor,
    sample_rate: float,
    *,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    knee_db: Value = 6.0,
    range_db: Value = 40.0,
    detector: str = "peak",
    linked: bool = True,
    sidechain: Tensor | None = None,
    sidechain_high_pass_hz: Value | None = None,
    memory: Memory = WHOLE,
) -> Tensor:
    """Measure the gain reduction by which `expander` lowers `x`.

    A parameter is a number or a tensor `(*batch)`; what it means and may be stands at `expander`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        threshold_db: Level below which the gain falls, in dB of full scale.
        ratio: Fall of the output level for each dB below the threshold, 1 or more; 1 is neutral.
        attack_ms: Time in which the gain, in dB, covers 63 % of a rise, 0 or more.
        release_ms: Time in which the gain, in dB, covers 63 % of a fall, 0 or more.
        knee_db: Width of the quadratic bend around the threshold in dB, 0 or more.
        range_db: The most that the gain falls, 0 or more.
        detector: "peak" or "rms".
        linked: Whether all channels have one gain, that of the loudest.
        sidechain: Audio that sets the gain in place of `x`; None listens to `x`.
        sidechain_high_pass_hz: High-pass in front of the detector, below Nyquist; None is off.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Gain reduction in dB, 0 or more, `(*batch, channels, time)`; with one channel where
        `linked`, or where the side chain has one.

    Raises:
        ValueError: Where `expander` raises one.

    >>> import torch
    >>> x = torch.full((1, 48_000), 0.01)  # -40 dB: 10 dB below the threshold, to become 20
    >>> settings = dict(threshold_db=-30, ratio=2, attack_ms=1, release_ms=100)
    >>> reduction_db = expander_gain_reduction(x, 48_000, **settings)
    >>> round(reduction_db[0, -1].item(), 3)
    10.0
    """
    listening = Detector(detector, linked, sidechain, sidechain_high_pass_hz)
    dynamics = _dynamics(
        x, sample_rate, listening, threshold_db, ratio, attack_ms, release_ms, knee_db, range_db
    )
    return gain_reduction(x, sample_rate, memory, dynamics)


def _dynamics(
    x: Tensor,
    sample_rate: float,
    listening: Detector,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    knee_db: Value,
    range_db: Value,
) -> Dynamics:
    curve = Curve(
        threshold_db=per_item("threshold_db", threshold_db, x),
        slope=per_item("ratio", ratio, x, low=1.0) - 1,
        knee_db=per_item("knee_db", knee_db, x, low=0.0),
        range_db=per_item("range_db", range_db, x, low=0.0),
    )
    smoother = Smoother(
        # The gain reduction rises while the gain falls.
        attack=pole("release_ms", release_ms, x, sample_rate),
        release=pole("attack_ms", attack_ms, x, sample_rate),
        start=_reduction_of_silence(curve),
    )
    return Dynamics(listening, curve, smoother, downwards=True)


def _reduction_of_silence(curve: Curve) -> Tensor:
    below_db = curve.threshold_db - SILENCE_DB
    return at_most(curve.slope * soft_knee(below_db, curve.knee_db), curve.range_db)
