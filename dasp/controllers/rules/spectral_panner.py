"""The panner of `panning` alone, as a controller: nothing but pans."""

from dasp.controllers.rules.panning import WIDTH, spectral_pan
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song


def perez_gonzalez(song: Song, *, width: float = WIDTH) -> Mix:
    """Tracks, in the order of their priority, at the pans of `spectral_pan`."""
    pans = spectral_pan(song.tracks, song.sample_rate, width=width)
    return gains_and_pans(song, pans=pans)
