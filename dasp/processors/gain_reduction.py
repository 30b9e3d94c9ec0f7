"""The gain reduction of a stage of dynamics."""

from collections.abc import Callable

from torch import Tensor

from dasp import functional as F
from dasp.processors.stage import Stage

GAIN_REDUCTION: dict[str, Callable[..., Tensor]] = {
    "compressor": F.compressor_gain_reduction,
    "de_esser": F.de_esser_gain_reduction,
    "expander": F.expander_gain_reduction,
    "limiter": F.limiter_gain_reduction,
    "noise_gate": F.noise_gate_gain_reduction,
}
"""The processors that have one, and what measures it."""

BEHIND_THE_REDUCTION = ("makeup_gain_db", "mix")
"""Settings that a gain reduction does not depend on."""


def gain_reduction(stage: Stage, x: Tensor, sample_rate: float, **inputs: Tensor) -> Tensor:
    """Measure the gain reduction of a stage of dynamics.

    Args:
        stage: The stage, a processor of `GAIN_REDUCTION` without automation.
        x: Audio `(channels, time)`.
        sample_rate: In Hz.
        **inputs: Its side chain, where it has one.

    Returns:
        The reduction in dB, `(channels or 1, time)`.

    >>> import torch
    >>> from dasp.processors.catalogue import LIMITER
    >>> stage = Stage(LIMITER, {"ceiling_db": -20.0})
    >>> round(gain_reduction(stage, torch.ones(1, 4000), 8000)[0, 2000].item(), 3)
    20.0
    """
    settings = {**stage.processor.defaults(), **stage.settings}
    measure = GAIN_REDUCTION[stage.processor.name]
    heard = {key: value for key, value in settings.items() if key not in BEHIND_THE_REDUCTION}
    return measure(x, sample_rate, **heard, **inputs)
