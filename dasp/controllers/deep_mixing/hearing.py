"""What DeepMixing hears of a song: chunk by chunk, the mel powers that its tracks share.

The power of a sum of tracks under gains g is g' P g in each band, where P holds the powers of the
tracks and what each two of them have in common. So P of a chunk tells the mel spectrum, and the
cepstrum, of every mix of it, exactly and without its samples.
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from dasp.controllers.console.features import BANDS, mel_filterbank
from dasp.controllers.style.features import frame_size
from dasp.signal.stft import stft

CHUNK_S = 1.0
"""Length of a chunk, near enough."""

CEPSTRA = 13
QUIET = 1e-7
"""Power of -70 dB beside tracks of 0 LUFS, which every band of every mix has at the least."""


def shared_powers(tracks: Sequence[Tensor], sample_rate: float) -> Tensor:
    """Measure the mean mel powers of tracks, and of each two of them, in each chunk.

    Args:
        tracks: Audio `(channels, time)` of each track, whose channels are averaged.
        sample_rate: In Hz.

    Returns:
        `(chunks, BANDS, tracks, tracks)`, symmetric, at least one chunk.
    """
    size, chunk = frame_size(sample_rate), chunk_size(sample_rate)
    hop = size // 2
    mono = torch.stack([track.mean(0) for track in tracks])
    count = max(1, math.ceil(mono.shape[-1] / chunk))
    mono = torch.nn.functional.pad(mono, (hop, count * chunk - mono.shape[-1] + hop))
    bank = mel_filterbank(size // 2 + 1, sample_rate).to(mono)

    def of_chunk(start: int) -> Tensor:
        # The first and the last frame reach over the edges of the piece, and belong to no chunk.
        heard = stft(mono[:, start : start + chunk + 2 * hop], size, hop)[..., 1:-2]
        bins = heard.movedim(-2, 0)
        common = (bins @ bins.mH).real / (heard.shape[-1] * (size / 4) ** 2)
        return torch.einsum("fij,fb->bij", common, bank)

    return torch.stack([of_chunk(index * chunk) for index in range(count)])


def chunk_times_s(chunks: int, sample_rate: float) -> Tensor:
    """Tell the middles of chunks.

    Args:
        chunks: How many.
        sample_rate: In Hz.

    Returns:
        Times in seconds, `(chunks,)`.
    """
    middles = torch.arange(chunks, dtype=torch.float64) + 0.5
    return middles * chunk_size(sample_rate) / sample_rate


def chunk_size(sample_rate: float) -> int:
    """Tell the length of a chunk, a whole number of half frames.

    Args:
        sample_rate: In Hz.

    Returns:
        Samples.

    >>> chunk_size(44_100)
    44032
    """
    hop = frame_size(sample_rate) // 2
    return max(1, round(CHUNK_S * sample_rate / hop)) * hop


def powers_of_mix(shared: Tensor, gains: Tensor) -> Tensor:
    """Compute the mel powers of a mix.

    Args:
        shared: Powers that the tracks share, `(*batch, BANDS, tracks, tracks)`.
        gains: Factors on the samples of each track, `(*batch, tracks)`.

    Returns:
        Powers `(*batch, BANDS)`.
    """
    return torch.einsum("...bij,...i,...j->...b", shared, gains, gains)


def log_powers(power: Tensor) -> Tensor:
    """Compute the natural logarithm of powers over those of silence.

    Args:
        power: Powers, 0 or more.

    Returns:
        Logarithms of the same shape.
    """
    return (power.clamp(min=0) + QUIET).log()


def cepstra(power: Tensor) -> Tensor:
    """Compute mel-frequency cepstral coefficients, the first of which is the mean level.

    The sum of their squared differences is the mean over the bands of the squared differences of
    smoothed logarithms of power: 1 dB in every band is 0.053.

    Args:
        power: Mel powers `(*batch, BANDS)`.

    Returns:
        Coefficients `(*batch, CEPSTRA)`.
    """
    return log_powers(power) @ _cosines().to(power)


@cache
@torch.inference_mode(False)  # what is kept may meet gradients later
def _cosines() -> Tensor:
    """The first columns of the orthonormal cosine transform, over the root of their length."""
    band = torch.arange(BANDS, dtype=torch.float64)[:, None] + 0.5
    order = torch.arange(CEPSTRA, dtype=torch.float64)
    columns = torch.cos(math.pi * band * order / BANDS) * math.sqrt(2) / BANDS
    columns[:, 0] /= math.sqrt(2)
    return columns
