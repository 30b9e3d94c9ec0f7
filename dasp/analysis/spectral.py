"""The shape of the spectrum: moments of each frame, and levels in bands over the whole signal.

The moments come frame by frame, `(*batch, channels, frames)`, frame k centred on sample k * hop,
with zeros before and after the signal. Source: G. Peeters, "A large set of audio features for
sound description", IRCAM, 2004; bins are weighted by their magnitude.
"""

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_choice, check_range
from dasp.analysis._measure import audio_measure
from dasp.signal.stft import magnitude_spectra
from dasp.units import SILENT_POWER, gain_to_db, power_to_db

BARK_BANDS = 24
_OCTAVE_BANDS = {1: range(-5, 5), 3: range(-17, 14)}
_SMALLEST_VARIANCE = 1e-12


@audio_measure
def measure_spectral_centroid(
    x: Tensor, sample_rate: float, *, fft_size: int = 2048, hop: int = 512
) -> Tensor:
    """Measure the mean frequency of the magnitude spectrum in each frame.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        Frequency in Hz, `(*batch, channels, frames)`; 0 for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples, or a size is too small.

    Source: G. Peeters, "A large set of audio features for sound description", IRCAM, 2004.

    >>> t = torch.arange(8000) / 8000
    >>> centroid = measure_spectral_centroid(torch.sin(2 * torch.pi * 1000 * t)[None], 8000)
    >>> abs(centroid[0, 8].item() - 1000) < 10
    True
    """
    f, p = _distribution(x, sample_rate, fft_size, hop)
    return (f * p).sum(-2)


@audio_measure
def measure_spectral_spread(
    x: Tensor, sample_rate: float, *, fft_size: int = 2048, hop: int = 512
) -> Tensor:
    """Measure the standard deviation of the magnitude spectrum about its centroid in each frame.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        Spread in Hz, `(*batch, channels, frames)`.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples, or a size is too small.

    Source: G. Peeters, "A large set of audio features for sound description", IRCAM, 2004.

    >>> t = torch.arange(8000) / 8000
    >>> tone, noise = torch.sin(2 * torch.pi * 1000 * t)[None], torch.randn(1, 8000)
    >>> spread = [measure_spectral_spread(x, 8000)[0, 8].item() for x in (tone, noise)]
    >>> spread[0] < spread[1]
    True
    """
    f, p = _distribution(x, sample_rate, fft_size, hop)
    centroid = (f * p).sum(-2, keepdim=True)
    variance = ((f - centroid).square() * p).sum(-2)
    return at_least(variance, _SMALLEST_VARIANCE).sqrt()


@audio_measure
def measure_spectral_rolloff(
    x: Tensor,
    sample_rate: float,
    *,
    fraction: float = 0.85,
    fft_size: int = 2048,
    hop: int = 512,
) -> Tensor:
    """Measure the frequency below which a given fraction of the magnitude spectrum lies.

    The choice of the bin is discrete; between the bin and the one before, the cumulative sum is
    interpolated, so that the frequency moves smoothly with the spectrum.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        fraction: Share of the sum of magnitudes, between 0 and 1.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        Frequency in Hz, `(*batch, channels, frames)`; 0 for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples, `fraction` is outside
            its range, or a size is too small.

    Source: G. Peeters, "A large set of audio features for sound description", IRCAM, 2004.

    >>> click = torch.zeros(1, 8000)
    >>> click[:, 4096] = 1.0  # as loud at all frequencies
    >>> abs(measure_spectral_rolloff(click, 8000, fraction=0.5)[0, 8].item() - 2000) < 5
    True
    """
    check_range("fraction", fraction, above=0.0, below=1.0)
    _, p = _distribution(x, sample_rate, fft_size, hop)
    below = p.cumsum(-2)
    k = (below < fraction).sum(-2, keepdim=True).clamp(max=p.shape[-2] - 1)
    step = p.gather(-2, k)
    short = below.gather(-2, k) - fraction
    place = k - at_least(short, 0.0) / at_least(step, SILENT_POWER)
    silent = below[..., -1:, :] <= fraction
    return (torch.where(silent, 0, at_least(place, 0.0)) * (sample_rate / fft_size)).squeeze(-2)


@audio_measure
def measure_spectral_flatness(
    x: Tensor, sample_rate: float, *, fft_size: int = 2048, hop: int = 512
) -> Tensor:
    """Measure the ratio of the geometric to the arithmetic mean of the power spectrum.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz. The result does not depend on it.
        fft_size: Length of a frame in samples, 2 or more.
        hop: Distance of the frames in samples, 1 or more.

    Returns:
        Flatness in [0, 1], `(*batch, channels, frames)`: near 0 for a tone, exp(-0.5772) = 0.56
        on average for white noise, 1 for an impulse and for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples, or a size is too small.

    Source: G. Peeters, "A large set of audio features for sound description", IRCAM, 2004.

    >>> click = torch.zeros(1, 8000)
    >>> click[:, 4096] = 1.0  # as loud at all frequencies
    >>> round(measure_spectral_flatness(click, 8000)[0, 8].item(), 2)
    1.0
    """
    power = at_least(magnitude_spectra(x, fft_size, hop).square(), SILENT_POWER)
    return power.log().mean(-2).exp() / power.mean(-2)


@audio_measure
def measure_octave_spectrum(x: Tensor, sample_rate: float, *, bands_per_octave: int = 1) -> Tensor:
    """Measure the RMS level in octave or third-octave bands.

    The powers of all bands add up to the power of the signal between the outer edges (22.4 Hz and
    22.4 kHz). Edges and centres are those of IEC 61260-1, base ten: see `octave_centres_hz`.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz.
        bands_per_octave: 1 for ten octave bands, 3 for 31 third-octave bands.

    Returns:
        Level in dBFS, `(*batch, channels, bands)`; a band above Nyquist is silent.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples, or `bands_per_octave` is
            neither 1 nor 3.

    >>> x = torch.sin(2 * torch.pi * 1000 * torch.arange(48_000) / 48_000)[None]
    >>> round(measure_octave_spectrum(x, 48_000)[0, 5].item(), 1)
    -3.0
    """
    power = _mean_power_spectrum(x, sample_rate)
    bands = octave_filterbank(power.shape[-1], sample_rate, bands_per_octave, like=x)
    return power_to_db(power @ bands)


def octave_filterbank(
    bins: int, sample_rate: float, bands_per_octave: int = 1, *, like: Tensor
) -> Tensor:
    """Compute the share of each bin, as wide as the distance to the next, inside each band.

    Args:
        bins: Number of bins of the spectrum, which go from 0 Hz to Nyquist.
        sample_rate: In Hz.
        bands_per_octave: 1 for octave bands, 3 for third-octave bands.
        like: Tensor whose type and device the weights have.

    Returns:
        Weights `(bins, bands)` in [0, 1], for powers.

    Raises:
        ValueError: If `bands_per_octave` is neither 1 nor 3.

    Source: IEC 61260-1:2014, base ten.
    """
    centres = octave_centres_hz(bands_per_octave).to(like)
    half_band = 10 ** (0.15 / bands_per_octave)
    f = _bin_frequencies(bins, sample_rate, like)
    half_bin = f[1] / 2
    upper = torch.minimum(f[:, None] + half_bin, centres * half_band)
    lower = torch.maximum(f[:, None] - half_bin, centres / half_band)
    return (upper - lower).clamp(min=0) / (2 * half_bin)


def octave_centres_hz(bands_per_octave: int = 1) -> Tensor:
    """Return the exact centres of the octave or third-octave bands.

    Args:
        bands_per_octave: 1 for octave bands (31.6 Hz to 15.8 kHz), 3 for third-octave bands.

    Returns:
        Frequencies in Hz, `(bands,)`, float64.

    Raises:
        ValueError: If `bands_per_octave` is neither 1 nor 3.

    Source: IEC 61260-1:2014, base ten: 1000 Hz * 10^(3 k / 10) and 10^(k / 10).

    >>> octave_centres_hz().round().int().tolist()
    [32, 63, 126, 251, 501, 1000, 1995, 3981, 7943, 15849]
    """
    check_choice("bands_per_octave", bands_per_octave, _OCTAVE_BANDS)
    k = torch.tensor(_OCTAVE_BANDS[bands_per_octave], dtype=torch.float64)
    return 1000 * 10 ** (0.3 * k / bands_per_octave)


@audio_measure
def measure_bark_spectrum(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the level in 24 critical bands from 20 Hz to 20 kHz.

    The mean magnitude over time, in frames of about 0.7 s, is summed under triangles that are
    evenly spaced on the Bark scale. A lasting sine of amplitude 1 at the tip of a triangle
    measures 0 dB there.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz.

    Returns:
        Level in dB, `(*batch, channels, 24)`; a band above Nyquist is silent.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024,
    which takes this spectrum of mid and side.

    >>> measure_bark_spectrum(torch.zeros(2, 44_100), 44_100).shape
    torch.Size([2, 24])
    """
    fft_size = _long_fft_size(sample_rate)
    # The bins of a sine under a Hann window add up to its amplitude times half the window's sum
    # times two.
    magnitude = magnitude_spectra(x, fft_size, fft_size // 4).mean(-1) / (fft_size / 2)
    return gain_to_db(magnitude @ bark_filterbank(magnitude.shape[-1], sample_rate).to(x))


def bark_filterbank(bins: int, sample_rate: float) -> Tensor:
    """Design triangular filters that are evenly spaced on the Bark scale from 20 Hz to 20 kHz.

    Args:
        bins: Number of bins of the spectrum, which go from 0 Hz to Nyquist.
        sample_rate: In Hz.

    Returns:
        Weights `(bins, 24)` in [0, 1], float64.

    Source: H. Traunmüller, "Analytical expressions for the tonotopic sensory scale", JASA 88,
    1990.
    """
    low, high = _bark(torch.tensor([20.0, 20_000.0], dtype=torch.float64))
    distance = (high - low) / (BARK_BANDS + 1)
    tips = low + distance * torch.arange(1, BARK_BANDS + 1)
    place = _bark(_bin_frequencies(bins, sample_rate, tips))
    return (1 - (place[:, None] - tips).abs() / distance).clamp(min=0)


def _bark(freq_hz: Tensor) -> Tensor:
    """Critical-band rate with its end corrections.

    Source: H. Traunmüller, "Analytical expressions for the tonotopic sensory scale", JASA 88, 1990.
    """
    z = 26.81 * freq_hz / (1960 + freq_hz) - 0.53
    return z + 0.15 * (2 - z).clamp(min=0) + 0.22 * (z - 20.1).clamp(min=0)


def _distribution(x: Tensor, sample_rate: float, fft_size: int, hop: int) -> tuple[Tensor, Tensor]:
    """Bin frequencies `(bins, 1)`, and the magnitudes of each frame divided by their sum."""
    magnitude = magnitude_spectra(x, fft_size, hop)
    f = _bin_frequencies(magnitude.shape[-2], sample_rate, x)[:, None]
    return f, magnitude / (magnitude.sum(-2, keepdim=True) + SILENT_POWER)


def _mean_power_spectrum(x: Tensor, sample_rate: float) -> Tensor:
    """Power of each bin `(..., bins)`, which add up to the mean square of `x`.

    With frames a quarter of a window apart that reach past both ends, every sample has the same
    weight: the squares of Hann windows add up to 3/2.
    """
    fft_size = _long_fft_size(sample_rate)
    ends = nnf.pad(x, (fft_size // 2, fft_size // 2))
    energy = magnitude_spectra(ends, fft_size, fft_size // 4).square().sum(-1)
    both_sides = torch.full((energy.shape[-1],), 2.0, dtype=x.dtype, device=x.device)
    both_sides[0] = both_sides[-1] = 1.0
    return energy * both_sides / (1.5 * fft_size * x.shape[-1])


def _long_fft_size(sample_rate: float) -> int:
    """The power of two nearest to 0.7 s: 32768 at 44.1 and 48 kHz."""
    return 2 ** round(math.log2(0.7 * sample_rate))


def _bin_frequencies(bins: int, sample_rate: float, like: Tensor) -> Tensor:
    """The frequencies in Hz of the bins of a real spectrum, from 0 to half the sample rate."""
    return torch.linspace(0, sample_rate / 2, bins, dtype=like.dtype, device=like.device)
