"""The classic controllers as they were called before: they are in `dasp.controllers.table` now."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from dasp.controllers.table import MIXERS
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song

NAMES = ("dugan", "equal-loudness", "mansbridge-fader", "mansbridge-panner", "perez-gonzalez")


def _called_before(
    name: str, names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int
) -> Mix:
    return MIXERS[name].load()(Song.of(names, tracks, sample_rate))


def __getattr__(name: str) -> dict[str, Callable[..., Mix]]:
    if name != "CLASSIC":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    warnings.warn(
        f"{__name__}.CLASSIC is dasp.controllers.table.MIXERS now, whose functions take a song; "
        f"the old name goes with the next version",
        DeprecationWarning,
        stacklevel=2,
    )
    return {own: partial(_called_before, own) for own in NAMES}
