"""The forms of kernels.

`<kernel>_torch` runs anywhere and defines the answer; `<kernel>_numba` is compiled, and runs on a
CPU where numba is installed. Both work on tensors whose first dimension is rows that know nothing
of each other. `dasp.signal._kernel` brings them together.
"""

import functools
import importlib
import importlib.util
import multiprocessing
import warnings

from dasp._private import jit_is_disabled

HAS_NUMBA = importlib.util.find_spec("numba") is not None


def numba_works() -> bool:
    """Whether numba is installed, can be imported, and may compile. If not, that is told once."""
    return _can_import_numba() and HAS_NUMBA and not jit_is_disabled()


@functools.cache
def _can_import_numba() -> bool:
    try:
        importlib.import_module("numba")
    except ModuleNotFoundError as error:
        if error.name == "numba":
            _warn("numba is not installed", "pip install numba")
            return False
        _warn(f"numba is installed, but cannot be imported ({error})", f"pip install {error.name}")
        return False
    except Exception as error:  # of any kind, beside a NumPy that it was not made for
        _warn(
            f"numba is installed, but cannot be imported ({error})",
            "pip install --upgrade numba numpy",
        )
        return False
    return True


def _warn(what: str, remedy: str) -> None:
    if multiprocessing.parent_process() is None:  # not in every process of a pool
        warnings.warn(
            f"{what}: filters, dynamics, delays and reverbs of dasp run in their portable form on "
            f"the CPU, which is right and slower; `{remedy}` mends it",
            RuntimeWarning,
            stacklevel=2,
        )
