"""The peaks of a signal between its samples.

Samples are put midway between those that there are, twice: first by a filter that passes to 0.99
of Nyquist, then, where the signal ends at half of the new Nyquist frequency, by a short one. A
sine is exact from there on: of three samples a quarter apart, b in the middle,

    A^2 = b^2 + (a - c)^2 b^2 / ((2 b - a - c) (2 b + a + c))

whatever its frequency and phase, and of slower or composite peaks that is the parabola through
the three. So nothing depends on where the peak lies between the samples, as it does by 0.69 dB
for the largest of four times as many samples, and by 0.17 dB for that of eight times as many.
"""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_signal
from dasp.signal._fused import is_plain
from dasp.signal._operator import opaque
from dasp.signal.resample import Grid, Quality, read_periodic

SHARP = Grid(1, 1, Quality(0.99, 60.0, stop_band=1.01), offset=0.5)
"""Midway between samples. Images of what lies within 1 % of Nyquist lie as near above it."""

SHORT = Grid(1, 1, SHARP.quality.between(), offset=0.5)

REACH = SHARP.reach + SHORT.reach // 2 + 3
"""Samples on either side that a peak is made of."""


AT_ONCE = 2**16
"""Samples that are looked at together on a CPU: memory for more is slow to come by."""


SPAN = 256
"""Samples that are looked at, or passed over, together."""

MOST_RISE = 2.3
"""No peak is higher than so many times what there is beside it after the first filter: the
magnitudes of the taps of the second add up to 1.56, and a sine is at most sqrt(2) times as high as
the largest of its samples a quarter apart."""


def peaks_between(x: Tensor, least: Tensor | None = None) -> Tensor:
    """Compute the largest magnitude between the sample before and the sample after each sample.

    The magnitude is that of the band-limited signal through the samples, and no less than that of
    the sample itself.

    Args:
        x: Signal `(..., time)`.
        least: Magnitudes `(...)` of which no less matters: where the result is not over it, it may
            be anything from the magnitude of the sample up to `least`, which is quicker. None for
            0.

    Returns:
        Magnitudes, of the shape of `x`.

    Raises:
        ValueError: If `x` is not floating point.

    >>> x = torch.sin(torch.pi * (torch.arange(400) / 2 + 1 / 4))  # whose samples are all 0.707
    >>> abs(peaks_between(x)[200].item() - 1) < 0.001
    True
    """
    check_signal("x", x)
    time = x.shape[-1]
    if time == 0:
        return x
    if x.dtype.itemsize < 4:
        return peaks_between(x.float()).to(x.dtype)
    # The gradient of a part is as long as the whole: with one there are no parts.
    whole = x.device.type != "cpu" or (torch.is_grad_enabled() and x.requires_grad)
    if torch.compiler.is_compiling() or whole or x.numel() <= AT_ONCE:
        return _peaks_between(x)
    least = least if least is not None and is_plain(x, least) else None
    size, peaks = max(8 * REACH, AT_ONCE * time // x.numel()), []
    for start in range(0, time, size):
        before = min(start, REACH)
        part = x[..., start - before : start + size + REACH]
        part = _peaks_between(part) if least is None else _peaks_over(part, least)
        peaks.append(part[..., before : before + size])
    return torch.cat(peaks, -1)


@opaque("(Tensor x) -> Tensor", lambda x: x.new_empty(x.shape))
def _peaks_between(x: Tensor) -> Tensor:
    return torch.maximum(_highest(_twice(x, SHARP)), x.abs())


def _peaks_over(x: Tensor, least: Tensor) -> Tensor:
    """The same where it can be over `least`, and the magnitude of the sample elsewhere."""
    time = x.shape[-1]
    spans, margin = -(-time // SPAN), SHORT.reach // 2 + 3
    missing = spans * SPAN - time
    fine = _twice(x, SHARP)
    around = nnf.pad(fine, (2 * margin, 2 * (missing + margin)))
    around = around.unfold(-1, 2 * (SPAN + 2 * margin), 2 * SPAN)
    looked_at = MOST_RISE * torch.maximum(around.amax(-1), -around.amin(-1)) > least[..., None]
    if 2 * looked_at.sum() > looked_at.numel():  # to choose takes longer than it spares
        return torch.maximum(_highest(fine), x.abs())
    peaks = nnf.pad(x.abs(), (0, missing)).unflatten(-1, (spans, SPAN))
    found = _highest(around[looked_at])[..., margin : margin + SPAN]
    peaks[looked_at] = torch.maximum(found, peaks[looked_at])
    # Before the first sample there is nothing, and not what the second filter makes of silence.
    begin = _highest(around[..., 0, 2 * margin :])[..., :SPAN]
    peaks[..., 0, :] = torch.maximum(begin, nnf.pad(x.abs(), (0, missing))[..., :SPAN])
    return peaks.flatten(-2)[..., :time]


def _highest(fine: Tensor) -> Tensor:
    """Of a signal at twice the rate the peak on either side of every other sample."""
    time, finer = fine.shape[-1] // 2, _twice(fine, SHORT)
    # The largest of every four, and the two beside it.
    largest = finer.abs().unflatten(-1, (time, 4)).max(-1).indices
    place = largest + 4 * torch.arange(time, device=fine.device)
    around = nnf.pad(finer, (1, 1))
    a, b, c = (around.gather(-1, place + k) for k in range(3))
    crest = _crest(a, b, c)
    return torch.maximum(crest, nnf.pad(crest, (1, -1)))


def _twice(x: Tensor, midway: Grid) -> Tensor:
    """`x` with a sample between every two."""
    between = read_periodic(x, 0, 0, x.shape[-1], midway)
    return torch.stack((x, between), -1).flatten(-2)


def _crest(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The magnitude of a peak at or beside b, of three samples in succession."""
    bend = (2 * b - a - c) * (2 * b + a + c)
    is_peak = (bend > 0) & (a.abs() <= b.abs()) & (c.abs() <= b.abs())
    rise = (a - c).square() / torch.where(is_peak, bend, 1.0)
    return b.abs() * torch.sqrt(1 + torch.where(is_peak, rise, 0.0))
