"""The stereo image: how wide, how even, how alike, and where each frequency sits.

All are ratios, which keep their value under a gain on both channels, and are 0 for silence.
"""

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_channels
from dasp.analysis._measure import SILENT_POWER, audio_measure
from dasp.signal.stft import magnitude_spectra

MOST_WIDTH = 1e8
"""What a signal without any mid measures."""

_SMALLEST_SHARE = 1e-12


@audio_measure
def measure_stereo_width(x: Tensor, sample_rate: float) -> Tensor:
    """Energy of the side over that of the mid, `(*batch,)`.

    0 for equal channels, 1 for unrelated ones or for one channel alone, `MOST_WIDTH` for
    channels of opposite polarity.

    Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024.
    """
    left, right = _channels(x)
    side, mid = _power(left - right), _power(left + right)
    return side / (mid + (side + mid) / MOST_WIDTH + SILENT_POWER)


@audio_measure
def measure_stereo_imbalance(x: Tensor, sample_rate: float) -> Tensor:
    """Energy of the right less that of the left, over both, `(*batch,)`, in [-1, 1].

    Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024.
    """
    left, right = map(_power, _channels(x))
    return (right - left) / (right + left + SILENT_POWER)


@audio_measure
def measure_stereo_correlation(x: Tensor, sample_rate: float) -> Tensor:
    """Correlation of left and right at zero delay, `(*batch,)`, in [-1, 1].

    What a correlation meter shows: 1 for equal channels, whatever their levels, -1 for opposite
    polarity, 0 for unrelated ones or where one channel is silent. No mean is taken out.
    """
    left, right = _channels(x)
    product, left, right = (left * right).mean(-1), _power(left), _power(right)
    floor = (left + right) * _SMALLEST_SHARE + SILENT_POWER
    return product / ((left + floor) * (right + floor)).sqrt()


@audio_measure
def measure_panning_spectrum(
    x: Tensor, sample_rate: float, *, fft_size: int = 4096, hop: int = 1024
) -> Tensor:
    """Where each frequency sits, `(*batch, bins, frames)`: -1 left, 0 centre, 1 right.

    (1 - s) sgn(|R| - |L|), with the similarity s = 2 |L| |R| / (|L|^2 + |R|^2), which is
    (|R| - |L|) ||R| - |L|| / (|L|^2 + |R|^2) and so has a slope everywhere.

    Source: G. Tzanetakis, R. Jones and K. McNally, "Stereo panning features for classifying
    recording production style", ISMIR 2007.
    """
    spectra = magnitude_spectra(torch.stack(_channels(x)), fft_size, hop, "sqrt_hann")
    left, right = spectra
    difference = right - left
    return difference * difference.abs() / (left.square() + right.square() + SILENT_POWER)


@audio_measure
def measure_panning_rms(
    x: Tensor, sample_rate: float, *, fft_size: int = 4096, hop: int = 1024
) -> Tensor:
    """How far from the centre, `(*batch, 4, frames)`: the RMS over bins of the panning spectrum.

    All bins, those under 250 Hz, those from 250 to 2500 Hz, those from 2500 Hz on.

    Source: G. Tzanetakis, R. Jones and K. McNally, as above.
    """
    panning = measure_panning_spectrum(x, sample_rate, fft_size=fft_size, hop=hop)
    f = torch.linspace(0, sample_rate / 2, panning.shape[-2], dtype=x.dtype, device=x.device)
    bands = torch.stack((f >= 0, f < 250, (f >= 250) & (f < 2500), f >= 2500)).to(x.dtype)
    weights = bands / bands.sum(-1, keepdim=True).clamp(min=1)
    return at_least(weights @ panning.square(), SILENT_POWER).sqrt()


def _channels(x: Tensor) -> tuple[Tensor, Tensor]:
    check_channels(x, 2)
    return x.unbind(-2)


def _power(x: Tensor) -> Tensor:
    return x.square().mean(-1)
