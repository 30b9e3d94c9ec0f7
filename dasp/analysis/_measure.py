"""What all measures share."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from dasp._checks import check_audio, checked_sample_rate


def audio_measure(function: Callable) -> Callable:
    """Checks the audio, which needs at least one sample, and computes half types in float32."""

    @functools.wraps(function)
    def measure(x: Tensor, sample_rate: float, **settings) -> Tensor:
        check_audio(x)
        sample_rate = checked_sample_rate(sample_rate)
        if 0 in x.shape[-2:]:
            raise ValueError(
                f"x: expected at least one channel of one sample to measure, "
                f"got shape {tuple(x.shape)}"
            )
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        return function(wide, sample_rate, **settings).to(x.dtype)

    return measure
