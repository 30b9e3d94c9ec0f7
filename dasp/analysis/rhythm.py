"""When notes begin, and how fast they follow.

Both look at the onset strength: how much the bands of the spectrum grow from one frame to the
next. Frames are 10 ms apart (to the nearest sample), and channels are added.

Sources: J. P. Bello et al., "A tutorial on onset detection in music signals", IEEE Trans. Speech
and Audio Processing, 2005 (spectral flux, adaptive threshold); S. Böck and G. Widmer, "Maximum
filter vibrato suppression for onset detection", DAFx 2013 (bands, compression and peaks);
E. D. Scheirer, "Tempo and beat analysis of acoustic musical signals", JASA 1998.
"""

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._bounds import at_least
from dasp.analysis._measure import audio_measure
from dasp.analysis.spectral import BARK_BANDS, bark_filterbank
from dasp.signal.fft import irfft, rfft
from dasp.signal.stft import frames, magnitude_spectra
from dasp.units import SILENT_POWER

SLOWEST_BPM, FASTEST_BPM = 50.0, 200.0

_COMPRESSION = 100.0
_PEAK_FRAMES = 3
_THRESHOLD_FRAMES = 10
_BANDS_OF_THE_BEAT = 9  # under 1 kHz: the kick and the snare, and little of the hi-hat
_SMOOTHING_S = 0.02
_AS_GOOD = 0.75


@audio_measure
def measure_onset_strength(x: Tensor, sample_rate: float) -> Tensor:
    """Measure how much sound begins in each frame of 10 ms.

    The strength is the mean growth, from one frame to the next, of log(1 + 100 b) over 24 Bark
    bands b, scaled so that the loudest is 1: it does not depend on the level of the signal.

    Args:
        x: Audio `(*batch, channels, time)`, whose channels are averaged.
        sample_rate: In Hz.

    Returns:
        Onset strength, `(*batch, frames)`, 0 or more; 0 in a steady tone.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    Source: J. P. Bello et al., "A tutorial on onset detection in music signals", IEEE Trans.
    Speech and Audio Processing, 2005.

    >>> measure_onset_strength(torch.zeros(3, 2, 44_100), 44_100).shape[0]
    3
    """
    return _strength(x, sample_rate, BARK_BANDS)


@audio_measure
def measure_onsets(x: Tensor, sample_rate: float) -> Tensor:
    """Find the times at which notes begin.

    An onset is a frame whose strength is the largest within 30 ms, and more than twice the mean
    of the 100 ms before and after, plus 0.1. Neither the choice of frames nor their times carry
    a gradient.

    Args:
        x: Audio `(*batch, channels, time)`, whose channels are averaged.
        sample_rate: In Hz.

    Returns:
        Times in seconds, rising, `(*batch, frames)`. Items differ in their number of onsets:
        the places left over, at the end, hold infinity.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    Source: S. Böck and G. Widmer, "Maximum filter vibrato suppression for onset detection", DAFx
    2013.

    >>> x = torch.zeros(1, 44_100)
    >>> x[0, 22_050] = 1.0
    >>> times = measure_onsets(x, 44_100)
    >>> times[times < torch.inf]
    tensor([0.5000])
    """
    strength = _strength(x, sample_rate, BARK_BANDS).detach()
    around = frames(nnf.pad(strength, (_PEAK_FRAMES, _PEAK_FRAMES)), 2 * _PEAK_FRAMES + 1, 1)
    wider = nnf.pad(strength, (_THRESHOLD_FRAMES, _THRESHOLD_FRAMES))
    usual = frames(wider, 2 * _THRESHOLD_FRAMES + 1, 1).mean(-1)
    is_onset = (strength == around.amax(-1)) & (strength > 2 * usual + 0.1)
    times = torch.arange(strength.shape[-1], dtype=x.dtype, device=x.device) * _hop_s(sample_rate)
    return torch.where(is_onset, times, torch.inf).sort(-1).values


@audio_measure
def measure_tempo(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the tempo of music.

    The beat is the shortest period at which the autocorrelation of the onset strength under 1 kHz
    is nearly as high as at its maximum. That choice is discrete; between frames the
    autocorrelation is interpolated by a parabola. A few seconds with several beats are needed.
    Syncopated music may be measured at half or double its tempo, or at another simple fraction.

    Args:
        x: Audio `(*batch, channels, time)`, whose channels are averaged.
        sample_rate: In Hz.

    Returns:
        Tempo in beats per minute, `(*batch,)`, from 50 to 200; 0 for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    Source: E. D. Scheirer, "Tempo and beat analysis of acoustic musical signals", JASA 1998.

    >>> clicks = torch.zeros(1, 8 * 8000)
    >>> clicks[:, ::4000] = 1.0  # two a second
    >>> round(measure_tempo(clicks, 8000).item())
    120
    """
    hop_s = _hop_s(sample_rate)
    shortest, longest = round(60 / FASTEST_BPM / hop_s), round(60 / SLOWEST_BPM / hop_s)
    likeness = _autocorrelation(_strength(x, sample_rate, _BANDS_OF_THE_BEAT), longest + 2, hop_s)
    before, here, after = (likeness[..., shortest + k : longest + 1 + k] for k in (-1, 0, 1))
    peaks = torch.where((here > before) & (here >= after), here, 0)
    good = (peaks > 0) & (peaks >= _AS_GOOD * peaks.amax(-1, keepdim=True))
    first = good.to(torch.uint8).argmax(-1, keepdim=True)

    before, here, after = (part.gather(-1, first) for part in (before, here, after))
    curvature = 2 * here - before - after
    offset = 0.5 * (after - before) / at_least(curvature, SILENT_POWER)
    period_s = (shortest + first + offset) * hop_s
    return torch.where(good.any(-1), (60 / period_s).squeeze(-1), 0 * likeness[..., 0])


def _strength(x: Tensor, sample_rate: float, bands: int) -> Tensor:
    fft_size = 2 ** round(math.log2(0.023 * sample_rate))
    hop = round(0.01 * sample_rate)
    magnitude = magnitude_spectra(x.mean(-2), fft_size, hop)
    # A frame that reaches past the end would see the end as something that begins.
    magnitude = magnitude[..., : max(1, (x.shape[-1] - fft_size // 2) // hop + 1)]
    weights = bark_filterbank(magnitude.shape[-2], sample_rate).to(x)[:, :bands]
    level = weights.mT @ magnitude
    level = level / (level.amax((-2, -1), keepdim=True) + SILENT_POWER)
    level = torch.log1p(_COMPRESSION * level)
    growth = level.diff(dim=-1, prepend=torch.zeros_like(level[..., :1]))
    return at_least(growth, 0.0).mean(-2)


def _autocorrelation(strength: Tensor, lags: int, hop_s: float) -> Tensor:
    """Autocorrelation of the onset strength, without its mean, smoothed over the lag.

    A Gaussian of 20 ms lets beats correlate that do not fall on whole frames.
    """
    length = strength.shape[-1]
    size = 2 * max(length, lags)
    centred = strength - strength.mean(-1, keepdim=True)
    power = rfft(centred, size).abs().square()
    omega = torch.linspace(0, math.pi / hop_s, size // 2 + 1, device=strength.device).to(strength)
    smooth = power * torch.exp(-(omega * _SMOOTHING_S).square())
    pairs = length - torch.arange(lags, device=strength.device)
    return irfft(smooth, size)[..., :lags] / pairs.clamp(min=1)


def _hop_s(sample_rate: float) -> float:
    return round(0.01 * sample_rate) / sample_rate
