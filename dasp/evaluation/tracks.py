"""How far the tracks of a mix are from where a reference has them: their levels and places.

What is compared is each track behind its strip, before groups, buses and master.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.analysis import measure_loudness, measure_stereo_imbalance
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.mixing.mixdown import run_strip
from dasp.mixing.routing import as_stereo
from dasp.mixing.settings import Mix


class Standing(NamedTuple):
    """Where tracks stand in a mix; each `(tracks,)` in float64."""

    loudness: Tensor
    """Integrated, in LUFS."""
    place: Tensor
    """-1 is left, 0 in the centre, 1 right: energy of the right less the left, over both."""


class TrackErrors(NamedTuple):
    """Mean absolute errors over the tracks that the reference lets one hear."""

    level: float
    """In LU, after the gain that all have in common has been taken out."""
    place: float


def measure_standing(mix: Mix, tracks: Sequence[Tensor]) -> Standing:
    """Where the tracks `(channels, time)` of a mix stand."""
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
    """The common gain is the median of all gains between the two, which makes the least error.

    A track that is silent counts as one of -70 LUFS, where the gate of the measure stands.

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
