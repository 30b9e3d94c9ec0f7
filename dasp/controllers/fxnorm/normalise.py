"""Every stem of a song, brought to the average effects of its group.

Source: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022, section 3: equalisation, compression, panning and loudness, in this order. Where
it departs from the public code: each frequency of every frame is panned, and not the first frames
alone; a bin is panned by the exact inverse of the similarity; both channels are compressed
by one gain; frames of silence do not count; and a filter departs from its mean gain by 30 dB at
most.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from dasp._checks import check_audio, check_channels, check_choice
from dasp.analysis.loudness import measure_loudness
from dasp.controllers.fxnorm.equaliser import match_spectrum
from dasp.controllers.fxnorm.features import GROUPS, RATE, EffectFeatures, is_silent, load_features
from dasp.controllers.fxnorm.image import leaning, match_image
from dasp.controllers.fxnorm.peaks import match_peaks
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.units import db_to_gain

DRUMS = (
    "kick", "snare", "hihat", "tom", "overhead", "room", "cymbal", "percussion", "drums",
)  # fmt: skip
GROUP_OF = {
    **dict.fromkeys(DRUMS, "drums"),
    "bass": "bass",
    "vocal": "vocals",
    "backing vocal": "vocals",
}
"""The group of a role; all others are "other"."""


def group_stems(song: Song) -> dict[str, Tensor]:
    """Add the tracks of a song up to the stems of the four groups.

    Args:
        song: The tracks and their roles.

    Returns:
        Audio `(2, time)` by the name of the group, of the groups that have a track; a mono track
        stands in the centre.
    """
    groups = [GROUP_OF.get(role, "other") for role in song.roles]
    stems = {name: torch.zeros(2, song.tracks[0].shape[-1]) for name in GROUPS if name in groups}
    for track, group in zip(song.tracks, groups, strict=True):
        stems[group] = stems[group] + track
    return stems


def fx_normalise(
    stems: Mapping[str, Tensor],
    sample_rate: float,
    features: Mapping[str, EffectFeatures] | None = None,
) -> dict[str, Tensor]:
    """Normalise the effects of a song's stems.

    Args:
        stems: Audio `(2, time)` by the name of the group, as `group_stems` returns it.
        sample_rate: In Hz.
        features: By the name of the group; without it those of MUSDB18.

    Returns:
        Stems of the same shapes, by the same names.

    Raises:
        ValueError: If a stem is not stereo audio, or of a group that has no features.
    """
    features = load_features() if features is None else features
    for group in stems:
        check_choice("stems", group, features)
    return {
        group: normalise_stem(stem, sample_rate, features[group], group=group)
        for group, stem in stems.items()
    }


def normalise_stem(
    x: Tensor, sample_rate: float, features: EffectFeatures, *, group: str
) -> Tensor:
    """Bring a stem to the effects of its group: spectrum, peaks, image, loudness.

    Args:
        x: Audio `(2, time)`; a silent stem, under -50 dB, is returned as it is.
        sample_rate: In Hz.
        features: Those of the group.
        group: "vocals", "drums", "bass" or "other".

    Returns:
        Audio of the shape of `x` at the loudness of the group, or below where a peak would pass 1.

    Raises:
        ValueError: If `x` is not stereo audio, or there is no such group.
    """
    check_choice("group", group, GROUPS)
    check_audio(x)
    check_channels(x, 2)
    if is_silent(x):
        return x
    with torch.no_grad():
        y = resample(x, sample_rate, RATE)
        side = leaning(y)  # before a filter that may tip a stem that hardly leans
        y = match_peaks(match_spectrum(y, features, group), features, group)
        y = match_image(y, features, group, side=side)
        y = y * db_to_gain(features.loudness_lufs - measure_loudness(y, RATE))
        y = resample(y / y.abs().amax().clamp(min=1.0), RATE, sample_rate)
    return _of_length(y, x.shape[-1])


def _of_length(x: Tensor, time: int) -> Tensor:
    return torch.nn.functional.pad(x, (0, max(0, time - x.shape[-1])))[..., :time]
