"""Convolution with a response that is given, from a short FIR filter to a hall."""

from functools import partial

import numpy as np
import scipy.signal
import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.common import Call, Contender, Work
from benchmarks.settings import forward_only, noise
from dasp.signal.fftconv import fft_convolve

DIRECT_TAPS = 1024
"""Above so many taps the direct sum takes seconds, and is left out."""


def works(quick: bool) -> list[Work]:
    """Forward, at three lengths."""
    shape = (2, 2, 8192) if quick else (8, 2, 131_072)
    x = noise(*shape)
    found = []
    for taps in (64, 1024, 4096 if quick else 65_536):
        h = noise(taps, seed=4) * torch.exp(-6 * torch.arange(taps) / taps)
        contenders = [
            Contender("dasp", partial(forward_only, fft_convolve, x, h)),
            Contender("torch, one FFT", partial(forward_only, _one_fft, x, h)),
            Contender("SciPy oaconvolve", partial(_scipy, x, h), "float32, one thread"),
            Contender("pedalboard", partial(_pedalboard, x, h), "one thread"),
        ]
        if taps <= DIRECT_TAPS:
            contenders.insert(1, Contender("torch conv1d", partial(forward_only, _direct, x, h)))
        found.append(
            Work(
                f"convolution_{taps}",
                f"Convolution with {taps:,} taps, {shape}, forward",
                tuple(contenders),
                partial(_reference, x, h),
                signal_bytes=4 * x.numel(),
            )
        )
    return found


def _direct(x: Tensor, h: Tensor) -> Tensor:
    rows = torch.nn.functional.pad(x.view(-1, 1, x.shape[-1]), (h.numel() - 1, 0))
    return torch.nn.functional.conv1d(rows, h.flip(0)[None, None]).view(x.shape)


def _one_fft(x: Tensor, h: Tensor) -> Tensor:
    size = scipy.fft.next_fast_len(x.shape[-1] + h.numel() - 1, real=True)
    spectrum = torch.fft.rfft(x, size) * torch.fft.rfft(h, size)
    return torch.fft.irfft(spectrum, size)[..., : x.shape[-1]]


def _scipy(x: Tensor, h: Tensor) -> Call:
    signal, response = x.numpy(), h.numpy()[None, None]
    return lambda: scipy.signal.oaconvolve(signal, response, axes=-1)[..., : signal.shape[-1]]


def _pedalboard(x: Tensor, h: Tensor) -> Call:
    response = np.stack([h.numpy()] * 2)
    return peers.each_item([peers.pedalboard_convolution(response) for _ in x], x)


def _reference(x: Tensor, h: Tensor) -> np.ndarray:
    signal, response = x.double().numpy(), h.double().numpy()[None, None]
    return scipy.signal.fftconvolve(signal, response, axes=-1)[..., : signal.shape[-1]]
