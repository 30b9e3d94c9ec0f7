"""The branching attack and release smoother of dynamics processors.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design",
JAES 60(6), 2012, equation 16 (the smooth, branching peak detector).
"""

import math

import torch
from torch import Tensor

from dasp._checks import check_real, check_signal
from dasp.signal._fused import fused
from dasp.signal._kernel import Kernel
from dasp.signal._operator import define_row_operator
from dasp.signal.backends import recurrence_torch
from dasp.signal.backends.dynamics_values import Smoother, in_schema
from dasp.signal.smoothing import delayed, one_pole


def ballistics(
    x: Tensor, attack: Tensor, release: Tensor, zi: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Smooth `x` with one pole while it rises and with another while it falls.

    y[n] = p y[n-1] + (1 - p) x[n], where p is `attack` if x[n] > y[n-1] and else `release`.

    Args:
        x: Signal `(..., time)`.
        attack: Pole of the rise, in [0, 1), broadcasting to `(...)`: 0 follows at once.
        release: Pole of the fall, in [0, 1), broadcasting to `(...)`. Poles in float64 keep long
            times exact: 1 s at 192 kHz is a pole of 1 - 5e-6, of which float32 holds 1 %.
        zi: The output before the first sample, y[-1], broadcasting to `(...)`; 0 by default.

    Returns:
        The output, of the shape of `x`, and its last sample, the `zi` of the next block.

    Raises:
        ValueError: If `x` is not floating point, or an argument is complex.

    >>> y, _ = ballistics(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor(0.0), torch.tensor(0.5))
    >>> torch.allclose(y, torch.tensor([[1.0, 1.0, 0.5]]))
    True
    """
    check_signal("x", x)
    for name, value in (("attack", attack), ("release", release), ("zi", zi)):
        check_real(name, value)
    rows = x.shape[:-1]
    zi = (x.new_zeros(()) if zi is None else zi.to(x.dtype)).expand(rows)
    if x.shape[-1] == 0:
        return x, zi
    smoother = Smoother(attack=attack, release=release, start=zi)
    of_rows = (t.expand(rows).reshape(math.prod(rows)) for t in smoother)
    y = _ballistics(x.reshape(math.prod(rows), x.shape[-1]), *of_rows).reshape(x.shape)
    return y, y[..., -1]


@fused(
    "dynamics",
    f"(Tensor x, {in_schema(Smoother)}) -> Tensor",
    lambda x, *_: x.new_empty(x.shape),
    waits_from=1_000_000,
)
def _ballistics(x: Tensor, *values: Tensor) -> Tensor:
    # Which branch a sample takes has no gradient. Given the branches, the smoother is a linear
    # recurrence, which has all derivatives.
    smoother = Smoother(*values)
    poles = torch.promote_types(smoother.attack.dtype, smoother.release.dtype)
    exact = torch.promote_types(x.dtype, poles)
    exact_x, attack, release, start = (
        t.to(exact) for t in (x, smoother.attack, smoother.release, smoother.start)
    )
    y = _followed(*(t.detach() for t in (exact_x, attack, release, start)))
    rising = exact_x.detach() > delayed(y, start.detach())
    pole = torch.where(rising, attack[:, None], release[:, None])
    return one_pole(exact_x, pole, start)[0].to(x.dtype)


_BRANCHING = Kernel(
    recurrence_torch.ballistics,
    cpu="recurrence_numba.ballistics",
    gpu="recurrence_cuda.ballistics",
)

_followed = define_row_operator(
    "branching(Tensor x, Tensor attack, Tensor release, Tensor zi) -> Tensor",
    _BRANCHING.run,
)
