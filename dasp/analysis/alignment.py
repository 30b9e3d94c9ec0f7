"""How much later one recording is than another, to a fraction of a sample.

The delay is where the generalised cross-correlation of the two is largest: the transform of their
cross-spectrum, weighted by |X|^-w. w = 0 is the plain correlation, whose peak is as wide as the
narrowest band that dominates the signal; w = 1 keeps phase alone, and makes the peak as sharp as
can be where all bands hear the same delay, but gives bands with nothing but noise the same say as
those with a signal. Halfway between is steady for both kinds.

Source: C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of time
delay", IEEE Transactions on Acoustics, Speech, and Signal Processing 24, 1976.
"""

import math

import torch
from torch import Tensor

from dasp._bounds import between
from dasp._checks import check_audio, check_range
from dasp.signal.fft import irfft, rfft
from dasp.signal.fftconv import fast_fft_length

OVERSAMPLING = 4
"""Correlations are read this many times a sample, to begin at the foot of the right peak."""

NEWTON_STEPS = 4

_FLOOR = 1e-5
"""Bins that are this much quieter than the loudest are noise, and are not lifted further."""


def measure_delay(
    output: Tensor,
    reference: Tensor,
    *,
    max_delay_samples: int | None = None,
    whitening: float = 0.5,
) -> Tensor:
    """Measure the delay of `output` against `reference`, to a fraction of a sample.

    The delay is the place of the largest generalised cross-correlation, of either polarity;
    between samples the correlation is interpolated exactly. For a filtered signal that is the
    delay at which most of the energy passes. Differentiable: the delay moves with the peak.

    Args:
        output: The later audio, `(*batch, channels, time)`.
        reference: The earlier audio; its leading dimensions broadcast with those of `output`, and
            its length may be another.
        max_delay_samples: The largest delay that is looked for in either direction, in samples, 0
            or more; by default as far as the longer signal reaches.
        whitening: Weight of the phase against the magnitude, in [0, 1]: 0 is the plain
            correlation, 1 uses the phase alone.

    Returns:
        Delay in samples, `(*batch, channels)`: positive where `output` is later, negative where it
        is earlier, 0 for silence.

    Raises:
        ValueError: If a signal is not floating-point audio, or has no samples, or an argument is
            outside its range.

    Source: C. H. Knapp and G. C. Carter, "The generalized correlation method for estimation of
    time delay", IEEE Transactions on Acoustics, Speech, and Signal Processing 24, 1976.

    >>> clicks = torch.zeros(1, 64)
    >>> clicks[:, [10, 37]] = 1.0
    >>> round(measure_delay(clicks.roll(3, -1), clicks).item(), 3)
    3.0
    """
    check_audio(output, "output")
    check_audio(reference, "reference")
    if 0 in (output.shape[-1], reference.shape[-1]):
        raise ValueError("output, reference: expected at least one sample")
    check_range("whitening", whitening, low=0.0, high=1.0)
    longest = max(output.shape[-1], reference.shape[-1]) - 1
    if max_delay_samples is None:
        max_delay_samples = longest
    check_range("max_delay_samples", max_delay_samples, low=0)
    reach = min(max_delay_samples, longest)

    size = fast_fft_length(longest + 1 + reach)  # within reach, nothing wraps around
    cross = _cross_spectrum(output.double(), reference.double(), size, whitening)
    bins = torch.arange(cross.shape[-1], dtype=torch.float64, device=cross.device)
    omega = 2 * math.pi / size * bins
    with torch.no_grad():
        delay = _highest(cross, size, reach)
        for _ in range(NEWTON_STEPS):
            delay = _newton(cross, omega, delay, reach)
    # One more step, which at a peak is the implicit derivative of where the peak is.
    return _newton(cross, omega, delay, reach).to(output.dtype)


def _cross_spectrum(output: Tensor, reference: Tensor, size: int, whitening: float) -> Tensor:
    cross = rfft(output, size) * rfft(reference, size).conj()
    power = cross.real.square() + cross.imag.square()
    loudest = power.amax(-1, keepdim=True)
    floor = _FLOOR**2 * loudest + torch.finfo(power.dtype).tiny
    # The scale has no say in where the peak is, and keeps the numbers near 1.
    return cross / floor.sqrt() * (power / floor + 1) ** (-whitening / 2)


def _highest(cross: Tensor, size: int, reach: int) -> Tensor:
    """The delay on the finer grid at which the correlation is largest, of either polarity."""
    correlation = irfft(cross, OVERSAMPLING * size).abs()
    later = correlation[..., : OVERSAMPLING * reach + 1]
    earlier = correlation[..., correlation.shape[-1] - OVERSAMPLING * reach :]
    place = torch.cat((later, earlier), -1).argmax(-1)
    steps = torch.where(place < later.shape[-1], place, place - later.shape[-1] - earlier.shape[-1])
    return steps.double() / OVERSAMPLING


def _newton(cross: Tensor, omega: Tensor, delay: Tensor, reach: int) -> Tensor:
    """One step of Newton's method on c(t) = Re sum X e^(i w t), towards c'(t) = 0."""
    turned = cross * torch.exp(1j * delay[..., None] * omega)
    slope = -(omega * turned.imag).sum(-1)
    curvature = -(omega.square() * turned.real).sum(-1)
    curved = curvature.abs() > 0
    step = torch.where(curved, slope, 0) / torch.where(curved, curvature, 1)
    return between(delay - between(step, -1 / OVERSAMPLING, 1 / OVERSAMPLING), -reach, reach)
