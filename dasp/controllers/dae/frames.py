"""Frames of magnitudes of audio at one loudness, and back with the phase of the raw track."""

from collections.abc import Callable

import torch
from torch import Tensor

from dasp.signal.stft import istft, stft

SAMPLE_RATE = 44_100
LUFS = 0.0
"""Loudness at which tracks and stems are heard: most magnitudes are then about 1."""

OVERLAP = 4
BLOCK = 4096
"""Frames that go through a network at once."""


def scale_of(fft_size: int) -> float:
    """Tell the factor on a spectrum at which white noise of power 1 has magnitudes of RMS 1.

    Args:
        fft_size: Samples of a frame under a Hann window.

    Returns:
        The factor.
    """
    return (3 * fft_size / 8) ** -0.5


def magnitudes(x: Tensor, fft_size: int) -> Tensor:
    """Measure the magnitudes of audio, frame by frame.

    Args:
        x: Audio `(*batch, time)`.
        fft_size: Samples of a frame; a quarter of it is the hop.

    Returns:
        Magnitudes `(*batch, frames, bins)`.
    """
    spectra = stft(x, fft_size, fft_size // OVERLAP)
    return spectra.abs().mT * scale_of(fft_size)


def with_magnitudes(x: Tensor, fft_size: int, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Change the magnitudes of audio, frame by frame, and leave its phase.

    Args:
        x: Audio `(*batch, time)`.
        fft_size: Samples of a frame; a quarter of it is the hop.
        change: From magnitudes `(*batch, frames, bins)` to those that are wanted.

    Returns:
        Audio of the shape of `x`.
    """
    hop, scale = fft_size // OVERLAP, scale_of(fft_size)
    spectra = stft(x, fft_size, hop)
    blocks = (spectra.abs().mT * scale).split(BLOCK, -2)
    wanted = torch.cat([change(block) for block in blocks], -2).mT / scale
    return istft(torch.polar(wanted, spectra.angle()), fft_size, hop, x.shape[-1])
