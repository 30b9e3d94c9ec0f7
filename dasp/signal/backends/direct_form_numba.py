"""The direct form as a compiled loop over samples, on the CPU."""

from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._rows import fresh, over_rows


def solve(x: Tensor, b: Tensor, a: Tensor, zi: Tensor) -> Tensor:
    """See `dasp.signal.backends.direct_form_torch.solve`, which this equals."""
    y = fresh(x)
    state = zi.clone()
    over_rows(_direct_form, x, b, a, state, y)
    return y


@compiled()
def _direct_form(x, b, a, state, y):
    """Transposed direct form II, in the order of operations that SciPy has."""
    order = state.shape[1]
    for row in range(x.shape[0]):
        z, numerator, denominator = state[row], b[row], a[row]
        for n in range(x.shape[1]):
            u = x[row, n]
            v = numerator[0] * u
            if order:
                v = z[0] + v
                for i in range(order - 1):
                    z[i] = z[i + 1] + u * numerator[i + 1] - v * denominator[i + 1]
                z[order - 1] = u * numerator[order] - v * denominator[order]
            y[row, n] = v
