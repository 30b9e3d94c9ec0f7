"""The panner of `panning` alone, as a controller: nothing but pans."""

from dasp.controllers.rules.panning import WIDTH, spectral_pan
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song


def perez_gonzalez(song: Song, *, width: float = WIDTH) -> Mix:
    """Pan the tracks, in the order of their priority, by `spectral_pan`.

    Args:
        song: The tracks, their names and roles.
        width: The widest pan, 0 to 1.

    Returns:
        The mix.
    """
    pans = spectral_pan(song.tracks, song.sample_rate, width=width)
    return gains_and_pans(song, pans=pans)
