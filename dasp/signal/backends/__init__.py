"""Two ways to run the recursions that are not matrix products.

`torch_ref` runs anywhere and defines the answer; `numba_cpu` is compiled, and runs on a CPU
where numba is installed. Both have the same functions, on rows `(rows, time)`.
"""

import importlib.util
from types import ModuleType

from torch import Tensor

HAS_NUMBA = importlib.util.find_spec("numba") is not None


def backend_for(x: Tensor) -> ModuleType:
    """The quickest backend for signals like `x`."""
    if x.device.type == "cpu" and HAS_NUMBA:
        from dasp.signal.backends import numba_cpu  # compiles on import: only when needed

        return numba_cpu
    from dasp.signal.backends import torch_ref

    return torch_ref
