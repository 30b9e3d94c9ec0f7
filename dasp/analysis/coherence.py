"""How much of one track another one shares with it, as microphones in one room do."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.analysis.excerpt import busiest_stretch
from dasp.signal.stft import stft

FFT_SIZE = 4096
LONGEST_S = 20.0


def measure_coherence(tracks: Sequence[Tensor], sample_rate: float) -> Tensor:
    """Measure how much of each track any other one shares with it, from 0 to 1.

    The magnitude-squared coherence |P_xy|² / (P_xx P_yy) of Welch's spectra, mean over frequency
    with the power of one track and with that of the other as weights, and the geometric mean of
    both. At most 20 s are heard, where most plays; 0 for silence, and for a track with itself.

    Args:
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.

    Returns:
        Coherences `(tracks, tracks)`, 0 on the diagonal.
    """
    size, second = round(LONGEST_S * sample_rate), round(sample_rate)
    mono = (track.mean(0, keepdim=True) for track in tracks)
    part = busiest_stretch(mono, size, hop=second)
    x = torch.stack([track[:, part].mean(0) for track in tracks])
    power = x.square().mean(-1, keepdim=True)
    spectra = stft(x / power.sqrt().clamp(min=1e-9), FFT_SIZE, FFT_SIZE // 2)
    by_bin = spectra.transpose(0, 1).contiguous()
    cross = by_bin @ by_bin.mH
    own = cross.diagonal(dim1=1, dim2=2).real
    squared = cross.abs().square() / (own[:, :, None] * own[:, None, :]).clamp(min=1e-9)
    weight = own / own.sum(0).clamp(min=1e-9)
    shared = torch.einsum("fij,fi->ij", squared, weight)
    shared = (shared * shared.mT).sqrt()
    return shared - shared.diag().diag()
