"""What the effect encoder hears: per band and frame how loud, how wide, and on which side.

Effects show in spectra (equaliser), in their movement (compressor, reverb) and in what the two
channels do beside each other (panner, widener). All values are differentiable, and finite for
silence.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

from dasp._bounds import at_least
from dasp._checks import check_channels
from dasp.controllers.console.features import BANDS, mel_filterbank
from dasp.signal.stft import frames, stft

CHANNELS = 3 * BANDS + 2
"""Bands of the mid, of the side beside it, of left beside right; level and crest of a frame."""

FFT_AT_44100 = 2048
QUIET = 1e-10
"""Power of -100 dB, below which there is silence."""


def effect_features(x: Tensor, sample_rate: float) -> Tensor:
    """Measure how loud, how wide and on which side each band of each frame is.

    Frames have about 46 ms and follow each other by half of that. A unit is 20 dB, but of the crest
    factor 10 dB; the side is held between -40 and 20 dB beside the mid, left within 30 dB of right.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.

    Returns:
        Features `(*batch, CHANNELS, frames)`, one frame at least.

    Raises:
        ValueError: If `x` does not have two channels.

    >>> effect_features(torch.randn(2, 44_100), 44_100).shape
    torch.Size([194, 42])
    """
    check_channels(x, 2)
    size = frame_size(sample_rate)
    x = pad(x, (0, max(0, size - x.shape[-1])))
    bank = mel_filterbank(size // 2 + 1, sample_rate).to(x)
    count = (x.shape[-1] - size) // (size // 2) + 1
    left, right = stft(x, size, size // 2)[..., :count].unbind(-3)
    level, width, to_left = band_levels(left / (size / 4), right / (size / 4), bank)
    pieces = frames(x.square().amax(-2), size, size // 2)
    rms, peak = pieces.mean(-1), pieces.amax(-1)
    both = torch.stack((_db(rms + QUIET) / 20 + 3, _db((peak + QUIET) / (rms + QUIET)) / 10), -2)
    return torch.cat((level, width, to_left, both), -2)


def band_levels(left: Tensor, right: Tensor, bank: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Measure how loud each band is, how wide, and on which side.

    Args:
        left: Complex spectra `(*batch, bins, frames)`, of magnitude 1 for a sine of amplitude 1.
        right: Those of the other side.
        bank: Weights of the bins of each band, `(bins, bands)`.

    Returns:
        Level of the mid, of the side beside it, and of left beside right, `(*batch, bands, frames)`
        each; a unit is 20 dB.
    """
    # Powers of mid and side follow from those of left and right and what the two share.
    powers = torch.stack((_product(left, left), _product(right, right), _product(left, right)))
    left_p, right_p, shared = (powers.mT @ bank).mT
    mid_p = at_least((left_p + right_p) / 4 + shared / 2, 0.0)
    side_p = at_least((left_p + right_p) / 4 - shared / 2, 0.0)
    both = left_p + right_p + QUIET
    width = (side_p + 1e-4 * (mid_p + QUIET)) / (mid_p + 1e-2 * side_p + QUIET)
    to_left = (left_p + 1e-3 * both) / (right_p + 1e-3 * both)
    return _db(mid_p + QUIET) / 20 + 3, _db(width) / 20, _db(to_left) / 20


def frame_size(sample_rate: float) -> int:
    """Tell the length of a frame of about 46 ms.

    Args:
        sample_rate: In Hz.

    Returns:
        Samples, an even number of 64 or more.

    >>> frame_size(44_100), frame_size(48_000)
    (2048, 2230)
    """
    return max(64, 2 * round(FFT_AT_44100 * sample_rate / 88_200))


def _product(a: Tensor, b: Tensor) -> Tensor:
    """The real part of a times the conjugate of b."""
    return a.real * b.real + a.imag * b.imag


def _db(power: Tensor) -> Tensor:
    return 10 * power.log10()
