"""The audio-feature loss: what an engineer would say of a mix, measured and compared."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_channels, check_choice
from dasp.analysis import (
    measure_bark_spectrum,
    measure_crest_factor,
    measure_stereo_imbalance,
    measure_stereo_width,
)
from dasp.losses._pair import paired, reduced
from dasp.units import SILENT_POWER

WEIGHTS = {
    "rms": 0.1,
    "crest_factor": 0.001,
    "stereo_width": 1.0,
    "stereo_imbalance": 1.0,
    "bark_spectrum": 0.1,
}


def audio_features(
    output: Tensor,
    target: Tensor,
    sample_rate: float,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    reduction: str = "mean",
) -> Tensor:
    """Compute the weighted sum of the squared errors of five features of a stereo mix.

    The features are the RMS and the crest factor in dB of each channel, stereo width, stereo
    imbalance, and the natural logarithm of 24 Bark bands of (L + R) / 2 and (L − R) / 2. The two
    signals need not be the same music.

    Args:
        output: Audio `(*batch, 2, time)`.
        target: Audio of the shape of `output`.
        sample_rate: In Hz.
        weights: The weight of each feature by its name; a feature that is left out does not count.
        reduction: "mean" over the batch, or "none".

    Returns:
        Loss, 0 or more: one number, or `batch` with "none".

    Raises:
        ValueError: If the signals differ in shape or are not stereo, or a name is not known.

    Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024.

    >>> x = torch.randn(1, 2, 44_100)
    >>> audio_features(x, x, 44_100).item()
    0.0
    """
    for name in weights:
        check_choice("weights", name, WEIGHTS)
    output, target = paired(output, target)
    check_channels(output, 2, "output")
    total = output.new_zeros(output.shape[:-2])
    for name, weight in weights.items():
        error = feature(name, output, sample_rate) - feature(name, target, sample_rate)
        total = total + weight * error.square().mean(-1)
    return reduced(total, reduction)


def feature(name: str, x: Tensor, sample_rate: float) -> Tensor:
    """Measure one of the features that the loss compares.

    Args:
        name: One of `WEIGHTS`.
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.

    Returns:
        Its values, `(*batch, values)`.
    """
    if name == "rms":
        return at_least(x.square().mean(-1), SILENT_POWER).sqrt()
    if name == "crest_factor":
        return measure_crest_factor(x, sample_rate)
    if name == "stereo_width":
        return measure_stereo_width(x, sample_rate)[..., None]
    if name == "stereo_imbalance":
        return measure_stereo_imbalance(x, sample_rate)[..., None]
    left, right = x.unbind(-2)
    mid_side = torch.stack((left + right, left - right), -2) / 2
    return measure_bark_spectrum(mid_side, sample_rate).flatten(-2) * (math.log(10) / 20)
