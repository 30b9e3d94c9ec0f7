"""The stereo image: how wide, how even, how alike, and where each frequency sits.

All are ratios, which keep their value under a gain on both channels, and are 0 for silence.
"""

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_channels
from dasp.analysis._measure import audio_measure
from dasp.signal.stft import magnitude_spectra
from dasp.units import SILENT_POWER

MOST_WIDTH = 1e8
"""What a signal without any mid measures."""

_SMALLEST_SHARE = 1e-12


@audio_measure
def measure_stereo_width(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the ratio of the energy of the side to that of the mid.

    Args:
        x: Audio `(*batch, 2, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Ratio of powers, `(*batch,)`: 0 for equal channels, 1 for unrelated channels or for one
        channel alone, `MOST_WIDTH` for channels of opposite polarity.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples or not two channels.

    Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024.

    >>> measure_stereo_width(torch.ones(2, 8), 44_100).item()
    0.0
    """
    left, right = _channels(x)
    side, mid = _power(left - right), _power(left + right)
    return side / (mid + (side + mid) / MOST_WIDTH + SILENT_POWER)


@audio_measure
def measure_side_share(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the share of the side in the energy of side and mid.

    Args:
        x: Audio `(*batch, 2, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Share of the power in [0, 1], `(*batch,)`: 0 for equal channels and silence, 0.5 for
        unrelated channels or for one channel alone, 1 for channels of opposite polarity.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples or not two channels.

    >>> measure_side_share(torch.tensor([[1.0, 2.0], [0.0, 0.0]]), 44_100).item()
    0.5
    """
    width = measure_stereo_width(x, sample_rate)
    return width / (1 + width)


@audio_measure
def measure_stereo_imbalance(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the difference of the energies of right and left, relative to their sum.

    Args:
        x: Audio `(*batch, 2, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Imbalance in [-1, 1], `(*batch,)`: -1 for left alone, 0 for equal energies, 1 for right
        alone.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples or not two channels.

    Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024.

    >>> measure_stereo_imbalance(torch.tensor([[0.0], [1.0]]), 44_100).item()
    1.0
    """
    left, right = map(_power, _channels(x))
    return (right - left) / (right + left + SILENT_POWER)


@audio_measure
def measure_stereo_correlation(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the correlation of left and right at zero delay, as a correlation meter shows it.

    The mean of the channels is not subtracted.

    Args:
        x: Audio `(*batch, 2, time)`, at least one sample.
        sample_rate: In Hz. The result does not depend on it.

    Returns:
        Correlation in [-1, 1], `(*batch,)`: 1 for equal channels, whatever their levels, -1 for
        opposite polarity, 0 for unrelated channels or where one channel is silent.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples or not two channels.

    >>> x = torch.randn(100)
    >>> round(measure_stereo_correlation(torch.stack((x, -x)), 44_100).item(), 3)
    -1.0
    """
    left, right = _channels(x)
    product, left, right = (left * right).mean(-1), _power(left), _power(right)
    floor = (left + right) * _SMALLEST_SHARE + SILENT_POWER
    return product / ((left + floor) * (right + floor)).sqrt()


@audio_measure
def measure_panning_spectrum(
    x: Tensor, sample_rate: float, *, fft_size: int = 4096, hop: int = 1024
) -> Tensor:
    """Measure the panning of each frequency in each frame.

    The panning is (1 - s) sgn(|R| - |L|), with the similarity s = 2 |L| |R| / (|L|^2 + |R|^2):
    that is (|R| - |L|) ||R| - |L|| / (|L|^2 + |R|^2), which has a slope everywhere.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz. The result does not depend on it.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        Panning in [-1, 1], `(*batch, bins, frames)`: -1 left, 0 centre, 1 right.

    Raises:
        ValueError: If `x` is not floating-point audio, has no samples or not two channels, or a
            size is too small.

    Source: G. Tzanetakis, R. Jones and K. McNally, "Stereo panning features for classifying
    recording production style", ISMIR 2007.

    >>> measure_panning_spectrum(torch.zeros(2, 4096), 44_100).shape
    torch.Size([2049, 5])
    """
    spectra = magnitude_spectra(torch.stack(_channels(x)), fft_size, hop, "sqrt_hann")
    left, right = spectra
    difference = right - left
    return difference * difference.abs() / (left.square() + right.square() + SILENT_POWER)


@audio_measure
def measure_panning_rms(
    x: Tensor, sample_rate: float, *, fft_size: int = 4096, hop: int = 1024
) -> Tensor:
    """Measure the distance from the centre in four bands: the RMS of the panning spectrum.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        RMS over bins in [0, 1], `(*batch, 4, frames)`: over all bins, under 250 Hz, from 250 to
        2500 Hz, and from 2500 Hz on.

    Raises:
        ValueError: If `x` is not floating-point audio, has no samples or not two channels, or a
            size is too small.

    Source: G. Tzanetakis, R. Jones and K. McNally, "Stereo panning features for classifying
    recording production style", ISMIR 2007.

    >>> left = torch.stack((torch.randn(8192), torch.zeros(8192)))
    >>> round(measure_panning_rms(left, 44_100)[0, 4].item(), 2)
    1.0
    """
    panning = measure_panning_spectrum(x, sample_rate, fft_size=fft_size, hop=hop)
    f = torch.linspace(0, sample_rate / 2, panning.shape[-2], dtype=x.dtype, device=x.device)
    bands = torch.stack((f >= 0, f < 250, (f >= 250) & (f < 2500), f >= 2500)).to(x.dtype)
    weights = bands / bands.sum(-1, keepdim=True).clamp(min=1)
    return at_least(weights @ panning.square(), SILENT_POWER).sqrt()


def _channels(x: Tensor) -> tuple[Tensor, Tensor]:
    check_channels(x, 2)
    left, right = x.unbind(-2)
    return left, right


def _power(x: Tensor) -> Tensor:
    return x.square().mean(-1)
