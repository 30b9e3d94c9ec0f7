"""The all-pass cascade on a GPU: a thread a row."""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch


def solve(q: Tensor, a: Tensor, feedback: Tensor, transposed: bool) -> Tensor:
    """See `dasp.signal.backends.allpass_torch.solve`, which this equals."""
    q, a, feedback = (t.detach().contiguous() for t in (q, a, feedback))
    u = torch.empty_like(q)
    name = "allpass.solve_transposed" if transposed else "allpass.solve"
    launch(name, len(q), q, a, feedback, u, *a.shape, SIGNALS=q.shape[-1])
    return u
