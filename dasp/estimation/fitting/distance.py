"""How far a search is from the answer, by what the processors do.

Filters and gains show in the spectrum: the distance is that of log-spectra. Where the output does
not grow as the input does, as with dynamics and distortion, levels over time count too. Both are
smooth far from the answer and do not mind a short delay; the waveform is left to the polish.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from dasp.estimation.fitting.knobs import Knobs
from dasp.losses import multi_resolution_stft
from dasp.processors import Processor
from dasp.signal.stft import frames
from dasp.units import power_to_db

FFT_SIZES = (256, 1024, 4096)
LEVEL_S = 0.02
FLOOR = 1e-4
"""Levels under this share of the loudest are as good as silent."""

LEVEL_SHARE = 0.05
"""What 1 dB of level is worth beside the log-spectral distance."""

Distance = Callable[[Tensor, Tensor, float], Tensor]
"""From output and target `(starts, channels, time)` and the sample rate to `(starts,)`."""


def distance_for(processor: Processor, knobs: Knobs, x: Tensor, sample_rate: float) -> Distance:
    """Choose the distance by whether a processor is linear.

    Args:
        processor: The processor to fit.
        knobs: Its free parameters.
        x: Audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        `spectral` for a linear processor, else `spectral_and_level`.
    """
    return spectral if is_linear(processor, knobs, x, sample_rate) else spectral_and_level


def spectral(output: Tensor, target: Tensor, sample_rate: float) -> Tensor:
    """Compute the log-spectral distance, which suits filters and gains.

    Args:
        output: Audio `(starts, channels, time)`.
        target: Audio of the shape of `output`.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Distance `(starts,)`.

    Raises:
        ValueError: If the shapes differ.
    """
    return multi_resolution_stft(output, target, fft_sizes=FFT_SIZES, reduction="none")


def spectral_and_level(output: Tensor, target: Tensor, sample_rate: float) -> Tensor:
    """Compute the log-spectral distance plus the mean difference of levels over time.

    The sum suits dynamics and distortion.

    Args:
        output: Audio `(starts, channels, time)`.
        target: Audio of the shape of `output`.
        sample_rate: In Hz.

    Returns:
        Distance `(starts,)`.

    Raises:
        ValueError: If the shapes differ.
    """
    size = min(max(1, round(LEVEL_S * sample_rate)), target.shape[-1])
    made, wanted = (frames(x.square().mean(-2), size, size).mean(-1) for x in (output, target))
    floor = FLOOR * wanted.amax(-1, keepdim=True)
    apart = (power_to_db(made + floor) - power_to_db(wanted + floor)).abs().mean(-1)
    return spectral(output, target, sample_rate) + LEVEL_SHARE * apart


@torch.no_grad()
def is_linear(processor: Processor, knobs: Knobs, x: Tensor, sample_rate: float) -> bool:
    """Tell whether the output of a processor grows in proportion to the input.

    Args:
        processor: The processor, which is tried at settings that are not neutral.
        knobs: Its free parameters.
        x: Audio `(channels, time)` to try it on.
        sample_rate: In Hz.

    Returns:
        True if a gain of -20 dB on the input changes the output by no more than that gain.
    """
    u = torch.full((knobs.size,), 0.4, dtype=torch.float64, device=x.device)
    x, settings = 0.5 * x / x.abs().amax(), knobs.settings(u)
    loud, soft = (processor(gain * x, sample_rate, **settings) / gain for gain in (1.0, 0.1))
    return bool(torch.linalg.norm(loud - soft) < 1e-2 * torch.linalg.norm(loud))
