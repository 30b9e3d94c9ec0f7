"""Equal loudness: every track at the same integrated loudness, in the centre.

The plainest automatic mix, and the one that all others are compared with.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.rules.strips import gains_and_pans
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song


def equal_loudness(song: Song) -> Mix:
    """Bring all tracks to the mean of their loudnesses; silent ones keep their level.

    Args:
        song: The tracks.

    Returns:
        The mix.
    """
    return gains_and_pans(song, gains_db=equal_loudness_gains(song.tracks, song.sample_rate))


def equal_loudness_gains(tracks: Sequence[Tensor], sample_rate: int) -> Tensor:
    """Find the gains of `equal_loudness`, which add up to 0.

    Args:
        tracks: Audio `(channels, time)` of each track.
        sample_rate: In Hz.

    Returns:
        Gains in dB `(tracks,)`.
    """
    loudness = torch.stack([measure_loudness(track, sample_rate) for track in tracks]).double()
    audible = loudness > ABSOLUTE_GATE_LUFS
    if not audible.any():
        return torch.zeros_like(loudness)
    return torch.where(audible, loudness[audible].mean() - loudness, 0.0)
