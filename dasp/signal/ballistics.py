"""The branching attack and release smoother of dynamics processors.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design",
JAES 60(6), 2012, equation 16 (the smooth, branching peak detector).
"""

import torch
from torch import Tensor

from dasp.signal._operator import define_row_operator
from dasp.signal.backends import backend
from dasp.signal.smoothing import delayed, one_pole


def ballistics(
    x: Tensor, attack: Tensor, release: Tensor, zi: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Follow `x` with the pole `attack` while it rises and the pole `release` while it falls.

    y[n] = p y[n-1] + (1 - p) x[n], where p is `attack` if x[n] > y[n-1] and else `release`.
    `x` is `(..., time)`; the poles, in [0, 1), and the state `zi`, 0 by default, broadcast to
    `(...)`. Returns the output and its last sample, the `zi` of the next block.

    >>> y, _ = ballistics(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor(0.0), torch.tensor(0.5))
    >>> y
    tensor([[1.0000, 1.0000, 0.5000]])
    """
    rows = x.shape[:-1]
    zi = (x.new_zeros(()) if zi is None else zi.to(x.dtype)).expand(rows)
    if x.shape[-1] == 0:
        return x, zi
    attack, release = attack.to(x.dtype).expand(rows), release.to(x.dtype).expand(rows)
    # Which branch a sample takes has no gradient. Given the branches, the smoother is a linear
    # recurrence, and that has every gradient there is.
    flat = (t.detach().reshape(-1, *t.shape[len(rows) :]) for t in (x, attack, release, zi))
    y = _ballistics(*flat).reshape(x.shape)
    rising = x.detach() > delayed(y, zi.detach())
    pole = torch.where(rising, attack[..., None], release[..., None])
    return one_pole(x, pole, zi)


_ballistics = define_row_operator(
    "ballistics(Tensor x, Tensor attack, Tensor release, Tensor zi) -> Tensor",
    lambda x, *poles_and_state: backend("recurrence", x).ballistics(x, *poles_and_state),
)
