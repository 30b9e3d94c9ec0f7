"""The average effects of stems: how loud, how bright, how compressed and how wide a group is.

Source: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as nnf
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dasp._checks import check_audio, check_channels, check_choice
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.analysis.rhythm import measure_onsets
from dasp.signal.resample import resample
from dasp.signal.stft import stft
from dasp.units import db_to_gain, gain_to_db
from dasp.weights import FOLDER

RATE = 44_100
"""All features are measured at this rate, in Hz."""

FFT_SIZE = 65_536
STEP = 32
"""One point of a curve for so many bins: 1,025 points, the bins of a transform of 2,048."""

POINTS = FFT_SIZE // 2 // STEP + 1

REFERENCE_LUFS = -30.0
REFERENCE_PEAK_DB = -10.0
QUIET_DB = -60.0
"""Frames so far below the loudest of a stem tell nothing of it."""

SILENT_PEAK_DB = -50.0
"""A stem without a peak over this is silent: it has no features, and is left as it is."""

PANNING_SMOOTHING_BINS = 501
LOUD_PEAKS = 0.75
"""The share of the peaks between onsets that are not counted, the quietest."""

FORMAT = "dasp.fx-features.1"
MUSDB18 = FOLDER / "fxnorm_musdb18.safetensors"


@dataclass(frozen=True)
class Group:
    """What is different from one group of stems to the other.

    Args:
        smoothing_bins: Width over which the spectrum is smoothed, in bins of 65,536.
        attack_ms: Of the compressor.
        release_ms: Of the compressor.
        ratio: The least of the compressor.
        pan_below_hz: Above this frequency nothing is panned.
    """

    smoothing_bins: int
    attack_ms: float
    release_ms: float
    ratio: int
    pan_below_hz: float = 16_000.0


GROUPS = {
    "vocals": Group(401, 7.5, 400.0, 4),
    "drums": Group(151, 10.0, 180.0, 6, pan_below_hz=6000.0),
    "bass": Group(151, 10.0, 500.0, 5),
    "other": Group(401, 15.0, 666.0, 4),
}
"""How the stems of each group are measured and brought to their average."""


@dataclass(frozen=True)
class EffectFeatures:
    """The effects on a stem, or their average over the stems of a group.

    Args:
        loudness_lufs: Integrated loudness.
        peaks_db: Mean of the loudest peaks between onsets in dB, of channels that peak at -10 dB.
        deviation_db: Their standard deviation.
        spectrum: Mean magnitude at -30 LUFS, `(1025,)`, from 0 Hz to 22,050 Hz.
        similarity: Mean similarity of left and right, `(1025,)`: 1 is the centre, 0 one side alone.
    """

    loudness_lufs: float
    peaks_db: float
    deviation_db: float
    spectrum: Tensor
    similarity: Tensor


def measure_effects(x: Tensor, sample_rate: float, group: str) -> EffectFeatures | None:
    """Measure the effects on a stem.

    Args:
        x: Audio `(2, time)`.
        sample_rate: In Hz.
        group: "vocals", "drums", "bass" or "other".

    Returns:
        The features, or None where the stem is silent.

    Raises:
        ValueError: If `x` is not stereo audio, or there is no such group.
    """
    check_choice("group", group, GROUPS)
    check_audio(x)
    check_channels(x, 2)
    if is_silent(x):
        return None
    x = resample(x, sample_rate, RATE)
    loudness = measure_loudness(x, RATE).item()
    if loudness <= ABSOLUTE_GATE_LUFS:
        return None
    peaks_db = loud_peaks_db(at_reference_peak(x), between_onsets(x))
    spectrum, similarity = measure_curves(x * db_to_gain(REFERENCE_LUFS - loudness), group)
    return EffectFeatures(
        loudness, peaks_db.mean().item(), peaks_db.std(correction=0).item(), spectrum, similarity
    )


def average_features(features: Sequence[EffectFeatures]) -> EffectFeatures:
    """Average the features of the stems of one group.

    Args:
        features: Those of each stem, at least one.

    Returns:
        Their means.

    Raises:
        ValueError: If there are none.
    """
    if not features:
        raise ValueError("features: expected those of one stem or more, got none")

    def mean(name: str) -> float:
        return sum(getattr(one, name) for one in features) / len(features)

    return EffectFeatures(
        mean("loudness_lufs"),
        mean("peaks_db"),
        mean("deviation_db"),
        spectrum=torch.stack([one.spectrum for one in features]).mean(0),
        similarity=torch.stack([one.similarity for one in features]).mean(0),
    )


def at_reference_peak(x: Tensor) -> Tensor:
    """Bring the peak of each channel to -10 dB.

    Args:
        x: Audio `(channels, time)`.

    Returns:
        Audio of the shape of `x`; a silent channel stays silent.
    """
    peaks = x.abs().amax(-1, keepdim=True)
    return x * db_to_gain(REFERENCE_PEAK_DB) / peaks.where(peaks > 0, 1.0)


def between_onsets(x: Tensor) -> list[list[int]]:
    """Cut each channel where notes begin.

    Args:
        x: Audio `(channels, time)` at `RATE`.

    Returns:
        The lengths of the pieces of each channel in samples; of a silent channel none.
    """
    cuts = []
    for channel in x:
        onsets_s = measure_onsets(channel[None], RATE) if channel.any() else torch.empty(0)
        starts = (onsets_s[onsets_s.isfinite()] * RATE).long().unique().tolist()
        starts = [0, *starts, x.shape[-1]] if channel.any() else []
        cuts.append([b - a for a, b in pairwise(starts) if b > a])
    return cuts


def loud_peaks_db(x: Tensor, pieces: Sequence[Sequence[int]]) -> Tensor:
    """Measure the loudest peaks of pieces of a stem: of each channel, the loudest quarter.

    Args:
        x: Audio `(channels, time)`.
        pieces: What `between_onsets` returns, of at least one channel that is not silent.

    Returns:
        Peaks in dB, `(peaks,)`.
    """
    loud = []
    for channel, lengths in zip(x, pieces, strict=True):
        if lengths:
            peaks = torch.stack([piece.abs().amax() for piece in channel.split(list(lengths))])
            loud.append(peaks[peaks >= peaks.quantile(LOUD_PEAKS)])
    return gain_to_db(torch.cat(loud))


def similarity(left: Tensor, right: Tensor) -> Tensor:
    """Compute how alike two magnitudes are: 2 l r / (l^2 + r^2).

    Args:
        left: Magnitudes.
        right: Magnitudes, of the shape of `left`.

    Returns:
        From 0, one of them alone, to 1, both alike; 1 where there is nothing.

    >>> similarity(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 0.0])).tolist()
    [1.0, 0.0, 1.0]
    """
    power = left.square() + right.square()
    return torch.where(power > 0, 2 * left * right / power.where(power > 0, 1.0), 1.0)


def heard_frames(spectra: Tensor) -> Tensor:
    """Tell the frames of a spectrogram that are not much below the loudest.

    Args:
        spectra: Complex spectra `(channels, bins, frames)`.

    Returns:
        Whether each is, `(frames,)`.
    """
    power = spectra.abs().square().sum((0, 1))
    return power > power.amax() * 10 ** (QUIET_DB / 10)


def is_silent(x: Tensor) -> bool:
    """Tell whether a stem is silent.

    Args:
        x: Audio.

    Returns:
        Whether its peak is under -50 dB.
    """
    return x.numel() == 0 or x.abs().amax().item() < db_to_gain(SILENT_PEAK_DB)


def save_features(path: str | Path, features: Mapping[str, EffectFeatures]) -> None:
    """Write features as safetensors.

    Args:
        path: The file.
        features: By the name of the group.
    """
    arrays = {
        f"{group}.{name}": torch.as_tensor(value, dtype=torch.float32).contiguous()
        for group, one in features.items()
        for name, value in vars(one).items()
    }
    save_file(arrays, path, {"format": FORMAT})


def load_features(path: str | Path = MUSDB18) -> dict[str, EffectFeatures]:
    """Read features.

    Args:
        path: The file; those of MUSDB18 that the package ships without one (M. A.
            Martínez-Ramírez et al., copyright Sony Group Corporation, MIT licence).

    Returns:
        The features by the name of their group.

    Raises:
        ValueError: If the file is something else.
    """
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("format") != FORMAT:
                raise ValueError(f"{path}: expected effect features in the format {FORMAT}")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file: {error}") from error
    groups = [name for name in GROUPS if f"{name}.spectrum" in arrays]
    return {group: _features(arrays, group) for group in groups}


def _features(arrays: Mapping[str, Tensor], group: str) -> EffectFeatures:
    return EffectFeatures(
        arrays[f"{group}.loudness_lufs"].item(),
        arrays[f"{group}.peaks_db"].item(),
        arrays[f"{group}.deviation_db"].item(),
        spectrum=arrays[f"{group}.spectrum"],
        similarity=arrays[f"{group}.similarity"],
    )


def measure_curves(x: Tensor, group: str) -> tuple[Tensor, Tensor]:
    """Measure the mean magnitude and similarity of a stem, as loud as it is.

    Args:
        x: Audio `(2, time)` at 44,100 Hz, not silent.
        group: Its group.

    Returns:
        The two curves, `(1025,)` each.
    """
    spectra = stft(x, FFT_SIZE, FFT_SIZE // 4, "sqrt_hann")
    magnitudes = spectra[..., heard_frames(spectra)].abs()
    alike = similarity(*magnitudes).mean(-1)
    return (
        smooth(magnitudes.mean((0, 2)), GROUPS[group].smoothing_bins)[::STEP],
        smooth(alike, PANNING_SMOOTHING_BINS)[::STEP],
    )


def smooth(curve: Tensor, width: int) -> Tensor:
    """Average a curve over neighbours, mirrored at its ends.

    This is a Savitzky-Golay filter of order 1.

    Args:
        curve: `(points,)`.
        width: Odd number of points.

    Returns:
        Curve of the same shape.
    """
    reach = width // 2
    padded = nnf.pad(curve[None, None], (reach, reach), mode="reflect")
    return nnf.avg_pool1d(padded, width, 1)[0, 0]
