"""The direct form on a GPU: a thread a row."""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch


def solve(x: Tensor, b: Tensor, a: Tensor, zi: Tensor) -> Tensor:
    """See `dasp.signal.backends.direct_form_torch.solve`, which this equals."""
    x, b, a, zi = (t.detach().contiguous() for t in (x, b, a, zi))
    y = torch.empty_like(x)
    launch("direct_form.solve", len(x), x, b, a, zi, y, *x.shape, ORDER=zi.shape[-1])
    return y
