"""The spectrum of a stem, brought to that of its group."""

from torch import Tensor

from dasp.controllers.fxnorm.features import RATE, EffectFeatures, measure_effects
from dasp.signal.fftconv import fft_convolve
from dasp.signal.fir import design_linear_phase_fir
from dasp.units import db_to_gain

TAPS = 1001
MOST_DB = 30.0
"""How far the filter departs from its mean gain at most: what a stem hardly holds is its noise."""


def match_spectrum(x: Tensor, features: EffectFeatures, group: str) -> Tensor:
    """Filter a stem, without delay, so that its mean spectrum is that of its group.

    Args:
        x: Audio `(2, time)` at 44,100 Hz, not silent.
        features: Those of the group.
        group: Its name.

    Returns:
        Audio of the shape of `x`.
    """
    own = measure_effects(x, RATE, group)
    if own is None:
        return x
    return filter_without_delay(x, features.spectrum.to(x) / own.spectrum.clamp(min=1e-9))


def filter_without_delay(x: Tensor, gains: Tensor) -> Tensor:
    """Filter by gains beside their mean, at most 30 dB from it, at the points of a spectrum.

    Args:
        x: Audio `(*batch, channels, time)` at 44,100 Hz.
        gains: From 0 Hz to 22,050 Hz, above 0, `(points,)`.

    Returns:
        Audio of the shape of `x`.
    """
    gains = gains / gains.log().mean().exp()
    gains = gains.clamp(db_to_gain(-MOST_DB), db_to_gain(MOST_DB))
    # A filter whose gain is the root, run twice, has the whole gain; its delay is then cut off.
    taps = design_linear_phase_fir(gains.sqrt(), TAPS)
    twice = fft_convolve(taps, taps, full=True)
    return fft_convolve(x, twice, full=True)[..., TAPS - 1 :][..., : x.shape[-1]]
