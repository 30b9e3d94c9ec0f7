"""How far the tracks of a mix are from where a reference has them: their levels and places.

What is compared is each track behind its strip, before groups, buses and master.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_loudness, measure_stereo_imbalance
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix
from dasp.processors.strip import run_strip


class Standing(NamedTuple):
    """The level and the place of each track in a mix, float64.

    Args:
        loudness: Integrated loudness in LUFS, `(tracks,)`.
        place: Stereo imbalance in [-1, 1], `(tracks,)`: -1 left, 0 centre, 1 right.
    """

    loudness: Tensor
    place: Tensor


class TrackErrors(NamedTuple):
    """Mean absolute errors over the tracks that are heard in the reference.

    Args:
        level: Error of the loudness in LU, without the gain that all tracks have in common.
        place: Error of the stereo imbalance.
    """

    level: float
    place: float


def measure_standing(mix: Mix, tracks: Sequence[Tensor]) -> Standing:
    """Measure the level and the place of each track in a mix, behind its strip.

    Args:
        mix: The mix.
        tracks: Audio `(channels, time)` of each track.

    Returns:
        Loudness and stereo imbalance of each track.
    """
    inputs = {track.name: audio for track, audio in zip(mix.tracks, tracks, strict=True)}
    heard = [
        as_stereo(run_strip(audio, mix.sample_rate, track.strip, inputs))
        for track, audio in zip(mix.tracks, tracks, strict=True)
    ]
    measures = (measure_loudness, measure_stereo_imbalance)
    return Standing(
        *(torch.stack([m(x, mix.sample_rate) for x in heard]).double() for m in measures)
    )


def measure_track_errors(standing: Standing, reference: Standing) -> TrackErrors:
    """Measure the errors of the levels and places of tracks.

    The common gain is the median of the differences in level, which gives the smallest error. A
    silent track counts as -70 LUFS, the gate of the measure.

    Args:
        standing: Levels and places in the mix that is judged.
        reference: Levels and places in the mix that is wanted.

    Returns:
        Mean absolute errors; 0 if no track is heard in the reference.

    >>> wanted = Standing(torch.tensor([-20.0, -26.0, -30.0]), torch.zeros(3))
    >>> found = Standing(torch.tensor([-10.0, -16.0, -23.0]), torch.tensor([0.3, 0.0, 0.0]))
    >>> measure_track_errors(found, wanted)
    TrackErrors(level=1.0, place=0.1)
    """
    heard = reference.loudness > ABSOLUTE_GATE_LUFS
    if not heard.any():
        return TrackErrors(0.0, 0.0)
    gains = (standing.loudness.clamp(min=ABSOLUTE_GATE_LUFS) - reference.loudness)[heard]
    level = (gains - gains.quantile(0.5)).abs().mean()
    place = (standing.place - reference.place)[heard].abs().mean()
    return TrackErrors(round(level.item(), 6), round(place.item(), 6))
