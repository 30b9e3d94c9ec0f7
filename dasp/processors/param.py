"""The old place of `Param` and `Option`, which `dasp.processors` has."""

from dasp._moved import moved

_HELPERS = ("UNITS", "check_by_names", "controls_size", "not_held", "to_controls", "to_physical")

__getattr__ = moved(
    __name__,
    {name: f"dasp.processors.{name}" for name in ("Param", "Option")}
    | {name: f"dasp.functional._param.{name}" for name in _HELPERS},
)
