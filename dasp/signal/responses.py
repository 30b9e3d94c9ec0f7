"""Impulse responses at other rates.

A tap is the response times the time between two samples: at twice the rate there are twice as many
of them, each half as large. And no tap can stand before the first, although a band-limited
impulse rings before its place. So what would stand there is made up for by the taps behind:
those that come nearest to it in the frequencies that both rates have.
"""

import math
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range, check_signal
from dasp.signal.resample import QUALITIES, resample

_QUALITY = QUALITIES["standard"]

_TRUST = 1e-5
"""How little the energy of the taps that make up for others counts beside their error."""


def resample_response(response: Tensor, from_rate: float, to_rate: float) -> Tensor:
    """Resample an impulse response, so that convolution with it does the same at another rate.

    Args:
        response: Impulse responses or taps of filters, `(..., taps)`.
        from_rate: Rate of the response in Hz.
        to_rate: Rate in Hz of the audio that is filtered.

    Returns:
        Taps `(..., taps')`, with the same gain, phase and delay up to 0.9 of the lower of the two
        Nyquist frequencies: within 0.4 dB at the worst, for a response that begins with an impulse
        and comes down to a lower rate; 0.05 dB on the way up. The same rate returns `response`.

    Raises:
        ValueError: If a rate is not positive, or `response` is not floating point.

    >>> half = resample_response(torch.tensor([[1.0, 0.5, 0.25]]), 24_000, 48_000)
    >>> round(half.sum().item(), 2)  # its gain at 0 Hz
    1.75
    """
    check_signal("response", response)
    check_range("from_rate", from_rate, above=0.0, below=math.inf)
    check_range("to_rate", to_rate, above=0.0, below=math.inf)
    if from_rate == to_rate or response.shape[-1] == 0:
        return response
    ratio = Fraction(to_rate / from_rate).limit_denominator(100_000)
    up, down = ratio.numerator, ratio.denominator
    reach = math.ceil(_QUALITY.half_width * max(1, down / up))
    periods = -(-reach // down)  # Whole ones, so that the first tap is met by a new one.
    padded = nnf.pad(response.detach().cpu().double(), (periods * down, reach))
    taps = resample(padded, from_rate, to_rate) * (from_rate / to_rate)
    early = taps[..., : periods * up][..., -math.ceil(reach * up / down) :]
    late = taps[..., periods * up :]
    instead = _moved_behind(early, band=_QUALITY.pass_band * min(1.0, from_rate / to_rate))
    time = max(late.shape[-1], instead.shape[-1])
    late, instead = (nnf.pad(part, (0, time - part.shape[-1])) for part in (late, instead))
    return (late + instead).to(response)


def _moved_behind(early: Tensor, band: float) -> Tensor:
    """Taps from 0 on that do what `early` taps before 0 do, below `band` Nyquist frequencies.

    Least squares of the difference of the two spectra, within the band.
    """
    time = early.shape[-1]
    count = 2 * time
    distance = np.arange(count)[:, None] + np.arange(time, 0, -1)
    wanted = early.flatten(0, -2).numpy() @ (band * np.sinc(band * distance)).T
    kernel = band * np.sinc(band * np.arange(count))
    kernel[0] += _TRUST
    from scipy.linalg import solve_toeplitz  # which takes longer to import than most to compute

    taps = solve_toeplitz(kernel, wanted.T).T
    return torch.from_numpy(np.ascontiguousarray(taps)).unflatten(0, early.shape[:-1])
