"""What the settings of an unmix leave unexplained: in all, by octave, by track."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.losses import negative_si_sdr
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix
from dasp.processors.strip import run_strip
from dasp.signal.stft import stft

FFT_SIZE, HOP, BLOCK = 4096, 1024, 2**20


class Unexplained(NamedTuple):
    """How near a reconstruction comes to a mix.

    Args:
        sdr_db: Signal-to-distortion ratio in dB.
        si_sdr_db: The same with any gain on the reconstruction allowed.
        octaves: Centre of each octave in Hz, and the SDR in it in dB.
        tracks: Name of each track, level of its contribution against the mix, and its SDR, both in
            dB; the error in each bin of the spectrogram is shared out by the power of the tracks.
    """

    sdr_db: float
    si_sdr_db: float
    octaves: list[tuple[float, float]]
    tracks: list[tuple[str, float, float]]


def measure_unexplained(
    mix: Mix, tracks: Sequence[Tensor], target: Tensor, output: Tensor, sample_rate: float
) -> Unexplained:
    """Compare a reconstruction with a mix, by octaves and by tracks.

    The contribution of a track is the output of its strip, before buses and master.

    Args:
        mix: The mix document that was found.
        tracks: Audio `(channels, time)` of each track.
        target: The mix, `(2, time)`.
        output: The reconstruction, `(2, time)`.
        sample_rate: In Hz.

    Returns:
        Signal-to-distortion ratios in dB.
    """
    error, target = (target - output).double(), target.double()
    images = [
        as_stereo(run_strip(audio.double(), sample_rate, track.strip)).float()
        for track, audio in zip(mix.tracks, tracks, strict=True)
    ]
    # A block at a time: spectrograms of all tracks of a song take more than its samples.
    own, shares = torch.zeros(2, len(images)).double()
    by_bin = torch.zeros(2, FFT_SIZE // 2 + 1).double()
    for start in range(0, target.shape[-1], BLOCK):
        wanted, left, *parts = (
            _power(x[..., start : start + BLOCK].double()) for x in (target, error, *images)
        )
        total = torch.stack(parts).sum(0).clamp(min=1e-20)
        own += torch.stack([part.sum() for part in parts])
        shares += torch.stack([(left * part / total).sum() for part in parts])
        by_bin += torch.stack((wanted.sum(-1), left.sum(-1)))
    rows = [
        (track.name, _ratio_db(power, by_bin[0].sum()), _ratio_db(power, share))
        for track, power, share in zip(mix.tracks, own, shares, strict=True)
    ]
    return Unexplained(
        _ratio_db(target.square().sum(), error.square().sum()),
        -negative_si_sdr(output.double(), target).item(),
        _octaves(by_bin[0], by_bin[1], sample_rate),
        rows,
    )


def _octaves(target: Tensor, error: Tensor, sample_rate: float) -> list[tuple[float, float]]:
    freq_hz = torch.linspace(0, sample_rate / 2, target.shape[0])
    rows = []
    for centre in (31.25 * 2**k for k in range(10)):
        inside = (freq_hz >= centre / 2**0.5) & (freq_hz < centre * 2**0.5)
        if inside.any():
            rows.append((centre, _ratio_db(target[inside].sum(), error[inside].sum())))
    return rows


def _power(x: Tensor) -> Tensor:
    """Power of each bin and frame, `(bins, frames)`, both sides together."""
    return stft(x, FFT_SIZE, HOP, "hann").abs().square().sum(0)


def _ratio_db(power: Tensor, other: Tensor) -> float:
    return (10 * torch.log10(power.clamp(min=1e-20) / other.clamp(min=1e-20))).item()
