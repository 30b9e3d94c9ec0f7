"""What sets the knobs of a console: `automatic_mix`, and every automatic mixer by its name."""

from typing import TYPE_CHECKING, Any

from dasp.controllers.table import (
    BY_REFERENCE,
    CONVERTERS,
    DEFAULT,
    LEARNT,
    MIXERS,
    NETWORKS,
    SYSTEMS,
)

if TYPE_CHECKING:
    from dasp.controllers.systems import automatic_mix

__all__ = [
    "BY_REFERENCE",
    "CONVERTERS",
    "DEFAULT",
    "LEARNT",
    "MIXERS",
    "NETWORKS",
    "SYSTEMS",
    "automatic_mix",
]


def __getattr__(name: str) -> Any:
    # Not imported before it is asked for: the names of the mixers are not to wait for torch.
    if name == "automatic_mix":
        from dasp.controllers.systems import automatic_mix

        return automatic_mix
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
