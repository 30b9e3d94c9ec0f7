"""Lengths of delays that swing, on a GPU; see `dasp.functional.plate_reverb`."""

import math

from torch import Tensor, float64

from dasp.signal.backends._cuda import launch

STRIP = 64
"""Samples of which a thread adds up the gradients."""


def swing(
    keep: bool, depth_ms: Tensor, rate_hz: Tensor, time: int, sample_rate: float,
    middle: tuple[int, int],
) -> tuple[Tensor, tuple]:  # fmt: skip
    depth_ms, rate_hz = depth_ms.detach(), rate_hz.detach()
    y = depth_ms.new_empty(len(depth_ms), 2, time, dtype=float64)
    launch(
        "swing.swing", y.numel(), depth_ms, rate_hz, y, len(y), time, *map(float, middle),
        *_scales(sample_rate), STRIP=STRIP,
    )  # fmt: skip
    return y, ()


def swing_adjoint(
    grad: Tensor, depth_ms: Tensor, rate_hz: Tensor, time: int, sample_rate: float,
    middle: tuple[int, int],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    depth_ms, rate_hz, grad = depth_ms.detach(), rate_hz.detach(), grad.contiguous()
    rows, strips = len(depth_ms), -(-time // STRIP)
    sums = grad.new_empty(rows, 2, strips, 2)
    # The first tensor has the type of the signals, and the gradient of a swing is float64.
    launch(
        "swing.swing_back", rows * 2 * strips, depth_ms, grad, rate_hz, sums, rows, time, strips,
        *_scales(sample_rate), STRIP=STRIP,
    )  # fmt: skip
    by_depth, by_rate = sums.sum((1, 2)).to(depth_ms.dtype).unbind(-1)
    return by_depth.view_as(depth_ms), by_rate.view_as(rate_hz)


def _scales(sample_rate: float) -> tuple[float, float]:
    """Samples to a millisecond, and the angle from sample to sample at 1 Hz."""
    return sample_rate / 1000, 2 * math.pi / sample_rate
