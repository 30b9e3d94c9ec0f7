"""How far an output is from its target, as numbers to make small.

Every loss takes `(output, target, …)`, two signals `(*batch, channels, time)` of one shape. It is
the mean over the batch, or with `reduction="none"` one number for each item, `batch`. Values and
gradients are finite for silence and for equal signals.
"""

from dasp.losses.features import audio_features
from dasp.losses.loudness import loudness
from dasp.losses.parameters import parameter_error
from dasp.losses.stereo import left_right_invariant, stereo_invariant
from dasp.losses.stft import multi_resolution_stft, multi_scale_spectral, sum_and_difference_stft
from dasp.losses.time import esr, l1, mse, negative_sdr, negative_si_sdr

__all__ = [
    "audio_features",
    "esr",
    "l1",
    "left_right_invariant",
    "loudness",
    "mse",
    "multi_resolution_stft",
    "multi_scale_spectral",
    "negative_sdr",
    "negative_si_sdr",
    "parameter_error",
    "stereo_invariant",
    "sum_and_difference_stft",
]
