"""Distortion: a memoryless curve, and the oversampling against aliases of its harmonics.

The curves have a slope of 1 at silence and a limit of 1, so that the same drive means the same
in each. A curve makes harmonics without end, and what lies above Nyquist folds back:
oversampling runs the curve at a higher rate, between two linear-phase resamplers.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dasp._bounds import between
from dasp._checks import check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.signal.resample import REACH, resample
from dasp.signal.smoothing import one_pole
from dasp.units import db_to_gain, smoothing_coefficient

OVERSAMPLING = (1, 2, 4, 8)


def _cubic(x: Tensor) -> Tensor:
    """x - 4/27 x^3, which is level at 1.5, and stays there."""
    x = between(x, -1.5, 1.5)
    return x - (4 / 27) * x**3


CURVES: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "hard": lambda x: between(x, -1.0, 1.0),
    "cubic": _cubic,
}
"""A soft knee without end, a corner, and a soft knee that ends in a plateau."""


def _latency(sample_rate: float, *, oversampling: int, **_) -> int:
    return 2 * REACH if oversampling > 1 else 0  # up, and down again


@audio_processor
def distortion(
    x: Tensor,
    sample_rate: float,
    *,
    drive_db: Value,
    bias: Value = 0.0,
    tone_hz: Value = 20_000.0,
    output_gain_db: Value = 0.0,
    mix: Value = 1.0,
    shape: str = "tanh",
    oversampling: int = 1,
    tone_filter: bool = True,
    memory: Memory = WHOLE,
) -> Tensor:
    """Bend `x` along a curve of slope 1 at silence and of limit 1.

    A parameter is a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        drive_db: Gain in front of the curve. [0 to 48 dB]
        bias: Offset in front of the curve, added to samples of full scale 1; 0 is none. It bends
            one half of the wave more, which adds even harmonics; the offset that silence would get
            is subtracted. [-1 to 1]
        tone_hz: Corner of a one-pole low-pass behind the curve, above 0, with the time constant
            1 / (2 pi tone_hz); it may lie above Nyquist. At 20 kHz the low-pass still takes 0.5 dB
            off 10 kHz at a rate of 44.1 kHz. [500 to 20000 Hz]
        output_gain_db: Gain of the distorted signal; 0 is neutral. [-24 to 12 dB]
        mix: Share of the distorted signal, 0 (dry, `x` as it is) to 1. [0 to 1]
        shape: "tanh"; "hard", which clips; or "cubic", x - 4/27 x^3 up to its limit.
        oversampling: Factor of the rate at which the curve runs: 1, 2, 4 or 8. Above 1 the
            distorted signal is limited to 0.9 of Nyquist by linear-phase filters, which ring before
            an onset.
        tone_filter: Whether there is a low-pass behind the curve. Without it `tone_hz` has no
            effect, and the output is the curve alone: with `shape` "hard", no drive and no bias,
            `x` itself up to full scale.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `shape` or `oversampling` is none of those listed, `tone_hz` is not above 0,
            or `mix` lies outside [0, 1].

    >>> x = torch.tensor([[0.2, 1.0, -1.0]])
    >>> y = distortion(x, 44_100, drive_db=20, tone_hz=1e6, shape="hard")
    >>> torch.allclose(y, x.sign(), atol=1e-6)
    True
    """
    check_choice("shape", shape, CURVES)
    check_choice("oversampling", oversampling, OVERSAMPLING)
    check_choice("tone_filter", tone_filter, (True, False))
    drive_db = per_item("drive_db", drive_db, x)[..., None, None]
    bias = per_item("bias", bias, x)[..., None, None]
    tone_hz = per_item("tone_hz", tone_hz, x, above=0.0)[..., None, None]
    output_gain_db = per_item("output_gain_db", output_gain_db, x)[..., None, None]

    curve = CURVES[shape]

    def bent(x: Tensor) -> Tensor:
        fine = resample(x, 1, oversampling)
        fine = curve(fine * db_to_gain(drive_db) + bias) - curve(bias)
        return resample(fine, oversampling, 1)

    reach = _latency(sample_rate, oversampling=oversampling)
    wet = memory.around("bent", bent, x, reach, reach)
    if tone_filter:
        pole = smoothing_coefficient(1000 / (2 * math.pi * tone_hz), sample_rate)
        wet = memory.through("tone", one_pole, wet, pole)
    return mixed(memory.held("dry", x, reach), wet * db_to_gain(output_gain_db), mix)


DISTORTION = Processor(
    in_blocks(distortion, latency=_latency),
    Param("drive_db", 0.0, 48.0, default=12.0),
    Param("bias", -1.0, 1.0),
    Param("tone_hz", 500.0, 20_000.0, scale="log"),
    Param("output_gain_db", -24.0, 12.0),
    Param("mix", 0.0, 1.0),
    Option("shape", choices=("tanh", "hard", "cubic")),
    Option("oversampling", choices=(1, 2, 4, 8)),
    Option("tone_filter", choices=(True, False)),
    neutral={"mix": 0.0},
)
