"""Names that have moved: the old ones work for one more version, and say what the new one is."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def moved(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module whose `names` now stand elsewhere, each in full.

    >>> find = moved("dasp.old", {"to_db": "dasp.units.gain_to_db"})
    >>> find("to_db").__name__
    'gain_to_db'
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = names[name].rpartition(".")
        warnings.warn(
            f"{module}.{name} is {names[name]} now; the old name goes with the next version",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(importlib.import_module(home), new)

    return find
