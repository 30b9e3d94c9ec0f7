"""Runnable files, one a paper or a model: `dasp train NAME`, or `python -m dasp.recipes.NAME`."""

import importlib
import pkgutil
from types import ModuleType

__all__ = [module.name for module in pkgutil.iter_modules(__path__)]


def __getattr__(name: str) -> ModuleType:
    # Imported when it is asked for: each needs much of the package.
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
