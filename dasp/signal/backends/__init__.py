"""Two ways to run each recursion that is not a matrix product.

`<kernel>_torch` runs anywhere and defines the answer; `<kernel>_numba` is compiled, and runs on a
CPU where numba is installed. Both have the same functions, on tensors whose first dimension is
rows that know nothing of each other.
"""

import functools
import importlib
import importlib.util
import warnings
from types import ModuleType

from torch import Tensor

from dasp._private import jit_is_disabled

HAS_NUMBA = importlib.util.find_spec("numba") is not None


def backend(kernel: str, x: Tensor) -> ModuleType:
    """The quickest module of a kernel for signals like `x`, imported when it is first needed."""
    compiled = x.device.type == "cpu" and numba_works()
    return importlib.import_module(f"{__name__}.{kernel}_{'numba' if compiled else 'torch'}")


def numba_works() -> bool:
    """Whether numba is installed, can be imported, and may compile."""
    return HAS_NUMBA and _can_import_numba() and not jit_is_disabled()


@functools.cache
def _can_import_numba() -> bool:
    try:
        importlib.import_module("numba")
    except Exception as error:  # of any kind, beside a NumPy that it was not made for
        warnings.warn(
            f"numba is installed, but cannot be imported; recursions run slowly ({error})",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    return True
