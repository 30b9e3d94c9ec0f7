"""The panner of `panning` alone, as a controller: nothing but pans."""

from collections.abc import Sequence

from torch import Tensor

from dasp.controllers.rules.panning import WIDTH, spectral_pan
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.settings import Mix


def perez_gonzalez(
    names: Sequence[str], tracks: Sequence[Tensor], sample_rate: int, *, width: float = WIDTH
) -> Mix:
    """Tracks `(channels, time)`, in the order of their priority, at the pans of `spectral_pan`."""
    pans = spectral_pan(tracks, sample_rate, width=width)
    return gains_and_pans(names, sample_rate, pans=pans)
