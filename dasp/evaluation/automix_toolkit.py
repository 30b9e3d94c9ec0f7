"""The percentage errors of earlier work, for comparison with its tables.

Each is the mean absolute percentage error of a feature's running mean over 40 frames. That is ill
defined for decibels, which cross zero and depend on what they are relative to, and for "crest",
which is a ratio of decibels; the numbers mean little by themselves. Use `metrics` where nothing
has to be compared. Sources: M. A. Martínez Ramírez et al., "Automatic music mixing with deep
learning and out-of-domain data", ISMIR 2022, and the automix-toolkit of C. J. Steinmetz et al.
"""

import math

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp.analysis import measure_loudness
from dasp.evaluation.metrics import comparable
from dasp.signal.stft import frames

FFT_SIZE, HOP = 4096, 1024
LOUDNESS_FRAME_S, LOUDNESS_HOP_S = 0.4, 0.2
RUNNING = 40
SILENCE_DB = 45.0
PEAK_DB = -1.0
CONTRAST_EDGES_HZ = (0.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)
QUANTILE = 0.02
PANNING_EDGES_HZ = {
    "total": (0.0, math.inf),
    "lows": (0.0, 250.0),
    "mids": (250.0, 2500.0),
    "highs": (2500.0, math.inf),
}


def percentage_errors(output: Tensor, reference: Tensor, sample_rate: float) -> dict[str, float]:
    """Compute the percentage errors of automix-toolkit between two mixes.

    Both mixes are cut to where the reference is less than 45 dB below its loudest frame. More than
    40 frames of 4096 samples are needed, about a second.

    Args:
        output: The mix that is judged, `(channels, time)`.
        reference: The mix that is wanted, of the length of `output`.
        sample_rate: In Hz.

    Returns:
        Errors by their names in automix-toolkit, as fractions: 0.1 is ten per cent.

    Raises:
        ValueError: If the lengths differ, or the reference is too short without its silence.
    """
    output, reference = (x.double() for x in comparable(output, reference))
    output, reference = _trimmed(output, reference)
    if reference.shape[-1] < FFT_SIZE + RUNNING * HOP:
        raise ValueError(
            f"reference: expected at least {FFT_SIZE + RUNNING * HOP} samples that are not "
            f"silent, got {reference.shape[-1]}"
        )
    loudness = _loudness(output, reference, sample_rate)
    output, reference = (_peak_normalised(x) for x in (output, reference))
    groups = {
        "loudness": loudness,
        "spectral": _spectral(output, reference, sample_rate),
        "panning": _panning(output, reference, sample_rate),
        "dynamic": _dynamic(output, reference),
    }
    errors: dict[str, float] = {}
    for name, group in groups.items():
        errors |= group
        errors[f"mean_mape_{name}"] = sum(group.values()) / len(group)
    return errors


def mape(target: Tensor, output: Tensor) -> float:
    """Compute the mean absolute percentage error.

    Args:
        target: The values that are wanted, of any shape.
        output: The values that are judged, of the shape of `target`.

    Returns:
        Error as a fraction.

    >>> mape(torch.tensor([1.0, -4.0]), torch.tensor([1.5, -4.0]))
    0.25
    """
    smallest = torch.finfo(target.dtype).eps
    return ((target - output).abs() / target.abs().clamp(min=smallest)).mean().item()


def running_mean(x: Tensor) -> Tensor:
    """Compute the mean of every 40 successive values.

    Args:
        x: Values `(..., time)`.

    Returns:
        Means `(..., time - 39)`; one mean of all, if there are no more than 40.
    """
    if x.shape[-1] <= RUNNING:
        return x.mean(-1, keepdim=True)
    return frames(x, RUNNING, 1).mean(-1)


def _running_mape(reference: Tensor, output: Tensor) -> float:
    return mape(running_mean(reference), running_mean(output))


def _loudness(output: Tensor, reference: Tensor, sample_rate: float) -> dict[str, float]:
    size, hop = (round(s * sample_rate) for s in (LOUDNESS_FRAME_S, LOUDNESS_HOP_S))

    def features(x: Tensor) -> tuple[Tensor, Tensor]:
        pieces = frames(x, size, hop).transpose(0, 1)
        peaks_db = 20 * torch.log10(pieces.abs().amax((-2, -1)).clamp(min=1e-10))
        return peaks_db, measure_loudness(pieces, sample_rate)

    (own_peak, own_lufs), (peak, lufs) = features(output), features(reference)
    return {
        "peak_loudness": _running_mape(peak, own_peak),
        "lufs_loudness": _running_mape(lufs, own_lufs),
    }


def _spectral(output: Tensor, reference: Tensor, sample_rate: float) -> dict[str, float]:
    own, wanted = (_spectral_features(x, sample_rate) for x in (output, reference))
    return {
        name: sum(
            _running_mape(wanted[name][channel], own[name][channel]) for channel in (0, 1)
        ) / 2
        for name in wanted
    }  # fmt: skip


def _spectral_features(x: Tensor, sample_rate: float) -> dict[str, Tensor]:
    """Each feature `(channels, frames)`, of magnitudes; 1 Hz keeps frequencies from zero."""
    magnitude = _magnitudes(x)
    f = _bin_frequencies(magnitude, sample_rate)
    total = magnitude.sum(-1)
    share = magnitude / total.clamp(min=1e-30)[..., None]
    centroid = (f * share).sum(-1)
    bandwidth = ((f - centroid[..., None]).square() * share).sum(-1).sqrt()
    reached = magnitude.cumsum(-1) >= 0.85 * total[..., None]
    rolloff = f[reached.to(torch.uint8).argmax(-1)]
    power = magnitude.square().clamp(min=1e-10)
    flatness = power.log().mean(-1).exp() / power.mean(-1)
    contrast = _contrast(magnitude, f)
    return {
        "centroid": centroid + 1,
        "bandwidth": bandwidth + 1,
        "contrast": contrast,
        "rolloff": rolloff + 1,
        "flatness": 1 - _amplitude_db(flatness),
    }


def _contrast(magnitude: Tensor, f: Tensor) -> Tensor:
    """Peak over valley in dB, `(channels, frames)`: the mean of the lows, the mids and the highs.

    The lows are the lowest of five octave bands, the highs the highest, and the mids the mean of
    those between.
    Peaks and valleys are the means of the largest and smallest 2 % of a band's bins; each band
    but the first begins one bin early, all but the last end one bin early, and the last goes on
    to Nyquist. D.-N. Jiang et al., "Music type classification by spectral contrast feature", 2002.
    """
    count = len(CONTRAST_EDGES_HZ) - 1
    peaks, valleys = [], []
    for k in range(count):
        low, high = CONTRAST_EDGES_HZ[k : k + 2]
        inside = ((f >= low) & (f <= high)).nonzero().flatten()
        first = int(inside[0]) - (k > 0)
        last = len(f) - 1 if k == count - 1 else int(inside[-1])
        ascending = magnitude[..., first : last + (k == count - 1)].sort(-1).values
        n = max(1, round(QUANTILE * (last - first + 1)))
        valleys.append(ascending[..., :n].mean(-1))
        peaks.append(ascending[..., -n:].mean(-1))
    bands = _db(torch.stack(peaks)) - _db(torch.stack(valleys))
    return torch.stack((bands[0], bands[1:-1].mean(0), bands[-1])).mean(0)


def _panning(output: Tensor, reference: Tensor, sample_rate: float) -> dict[str, float]:
    own, wanted = (_panning_rms(x, sample_rate) for x in (output, reference))
    heard = wanted[0] > 0
    own, wanted = own[:, heard], wanted[:, heard]
    if not heard.any():  # A reference in mono has no percentages.
        return {f"panning_rms_{name}": math.nan for name in PANNING_EDGES_HZ}
    return {
        f"panning_rms_{name}": _running_mape(wanted[k], own[k])
        for k, name in enumerate(PANNING_EDGES_HZ)
    }


def _panning_rms(x: Tensor, sample_rate: float) -> Tensor:
    """RMS over bins of the panning spectrum, `(bands, frames)`."""
    magnitude = _magnitudes(x) + 1e-20
    left, right = magnitude
    similarity = 2 * left * right / (left.square() + right.square())
    places = (1 - similarity) * (right / left - left / right).sign()
    bins = magnitude.shape[-1]

    def rms(low_hz: float, high_hz: float) -> Tensor:
        first, last = (
            math.floor(min(f, sample_rate / 2) * FFT_SIZE / sample_rate) for f in (low_hz, high_hz)
        )
        return places[:, first : min(last, bins)].square().mean(-1).sqrt()

    return torch.stack([rms(*edges) for edges in PANNING_EDGES_HZ.values()])


def _dynamic(output: Tensor, reference: Tensor) -> dict[str, float]:
    own, wanted = (_dynamic_features(x) for x in (output, reference))
    return {name: _running_mape(wanted[name], own[name]) for name in wanted}


def _dynamic_features(x: Tensor) -> dict[str, Tensor]:
    """Each feature `(frames,)`, the mean over channels."""
    pieces = frames(x, FFT_SIZE, HOP)
    level_db = _amplitude_db(pieces)
    rms_db = _amplitude_db(pieces.square().mean(-1).sqrt())
    spread_db = (level_db - rms_db[..., None]).mean(-1)
    crest = level_db.amax(-1) / rms_db
    return {
        "rms_level": 1 - rms_db.mean(0),
        "dynamic_spread": 1 - spread_db.mean(0),
        "crest_factor": crest.mean(0),
    }


def _trimmed(output: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Both from the first to the last frame in which the reference is not silent."""
    centred = nnf.pad(reference, (FFT_SIZE // 2, FFT_SIZE // 2))
    power = frames(centred, FFT_SIZE, HOP).square().mean(-1).amax(0)
    loud = (power > power.amax() * 10 ** (-SILENCE_DB / 10)).nonzero().flatten()
    if not len(loud):
        return output[..., :0], reference[..., :0]
    kept = slice(int(loud[0]) * HOP, (int(loud[-1]) + 1) * HOP)
    return output[..., kept], reference[..., kept]


def _peak_normalised(x: Tensor) -> Tensor:
    return x * (10 ** (PEAK_DB / 20) / x.abs().max().clamp(min=1e-10))


def _magnitudes(x: Tensor) -> Tensor:
    """Spectra `(channels, frames, bins)` of whole frames, without padding."""
    window = torch.hann_window(FFT_SIZE, dtype=x.dtype).sqrt()
    return torch.fft.rfft(frames(x, FFT_SIZE, HOP) * window).abs()


def _bin_frequencies(magnitude: Tensor, sample_rate: float) -> Tensor:
    return torch.linspace(0, sample_rate / 2, magnitude.shape[-1], dtype=magnitude.dtype)


def _amplitude_db(x: Tensor) -> Tensor:
    return 20 * torch.log10(x.abs() + 1e-30)


def _db(power: Tensor) -> Tensor:
    """Ten logarithms of `(bands, channels, frames)`, at most 80 dB below a channel's largest."""
    db = 10 * torch.log10(power.clamp(min=1e-10))
    return torch.maximum(db, db.amax((0, -1), keepdim=True) - 80)
