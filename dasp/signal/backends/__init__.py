"""Two ways to run each recursion that is not a matrix product.

`<kernel>_torch` runs anywhere and defines the answer; `<kernel>_numba` is compiled, and runs on a
CPU where numba is installed. Both have the same functions, on tensors whose first dimension is
rows that know nothing of each other.
"""

import importlib
import importlib.util
from types import ModuleType

from torch import Tensor

HAS_NUMBA = importlib.util.find_spec("numba") is not None


def backend(kernel: str, x: Tensor) -> ModuleType:
    """The quickest module of a kernel for signals like `x`, imported when it is first needed."""
    compiled = x.device.type == "cpu" and HAS_NUMBA
    return importlib.import_module(f"{__name__}.{kernel}_{'numba' if compiled else 'torch'}")
