"""What a random forest is told of a drum kit: fourteen numbers for the microphone in each slot."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from dasp.analysis import measure_loudness, measure_onset_strength, measure_rms
from dasp.mixing.roles import KIT_MICROPHONES, stereo_pairs
from dasp.signal.stft import magnitude_spectra
from dasp.units import SILENT_POWER, gain_to_db, power_to_db

SLOTS = KIT_MICROPHONES
"""A single overhead or room is in the left slot."""

LEVELS = ("rms_db", "loudness_lufs", "peak_db")
FEATURES = (
    *LEVELS, "crest_db", "centroid_hz", "spread_hz", "rolloff_hz", "flatness", "flux",
    "crossings_hz", "below_200_hz", "to_800_hz", "to_3200_hz", "above_3200_hz",
)  # fmt: skip
"""Levels, and what does not depend on them. Bands are shares of the power, two octaves apart."""

BAND_EDGES_HZ = (0.0, 200.0, 800.0, 3200.0, math.inf)
ROLLOFF = 0.85

Slots = dict[str, tuple[int, int]]
"""The track and the channel that each slot hears; channel -1 is the mean of both."""


def find_slots(names: Sequence[str], roles: Sequence[str], channels: Sequence[int]) -> Slots:
    """Find the track and the channel that each slot hears.

    Tracks of a role take its slots in their order, but for overheads and rooms whose names say
    left or right. The two sides of a stereo overhead or room take a slot each, and of any other
    stereo track the slot hears the mean. Who comes too late gets none.

    Args:
        names: Name of each track.
        roles: Role of each track.
        channels: Number of channels of each track.

    Returns:
        Track and channel by slot; what is not there is left out.

    >>> find_slots(["kick", "OH R", "OH L"], ["kick", "overhead", "overhead"], [1, 1, 1])
    {'kick': (0, 0), 'overhead right': (1, 0), 'overhead left': (2, 0)}
    """
    sides = stereo_pairs(list(names))
    found: Slots = {}
    for i, role in enumerate(roles):
        pair = [f"{role} left", f"{role} right"]
        if channels[i] == 2 and pair[0] in SLOTS:
            if not found.keys() & set(pair):
                found |= {pair[0]: (i, 0), pair[1]: (i, 1)}
            continue
        own = [s for s in SLOTS if s == role or s.rpartition(" ")[0] == role]
        if i in sides and pair[0] in SLOTS:
            own = [f"{role} {sides[i]}"]
        free = [slot for slot in own if slot not in found]
        if free:
            found[free[0]] = (i, 0 if channels[i] == 1 else -1)
    return found


def slot_features(tracks: Sequence[Tensor], slots: Slots, sample_rate: float) -> Tensor:
    """Measure the features of each slot.

    Args:
        tracks: Audio `(channels, time)` of each track.
        slots: What each slot hears, as `find_slots` says.
        sample_rate: In Hz.

    Returns:
        Features `(slots, 14)`, 0 where a slot is empty.
    """
    features = torch.zeros(len(SLOTS), len(FEATURES), dtype=torch.float64)
    for slot, (i, channel) in slots.items():
        x = tracks[i].mean(0, keepdim=True) if channel < 0 else tracks[i][channel : channel + 1]
        features[SLOTS.index(slot)] = track_features(x, sample_rate)
    return features


def relative_levels(features: Tensor) -> Tensor:
    """Measure levels beside the power of all slots together.

    A kit that was recorded at another level is the same to whoever is told these.

    Args:
        features: Features `(*batch, slots, 14)`.

    Returns:
        Features of the same shape.
    """
    heard = features.any(-1)
    total_db = power_to_db(power_of(features).sum(-1))[..., None, None]
    shift_db = torch.where(heard[..., None], total_db, 0.0)
    levels, others = features.split([len(LEVELS), len(FEATURES) - len(LEVELS)], -1)
    return torch.cat((levels - shift_db, others), -1)


def power_of(features: Tensor) -> Tensor:
    """Compute the mean power of each slot.

    Args:
        features: Features `(*batch, slots, 14)`.

    Returns:
        Powers `(*batch, slots)`, 0 where a slot is empty.
    """
    rms_db = features[..., FEATURES.index("rms_db")]
    return torch.where(features.any(-1), 10 ** (rms_db / 10), 0.0)


def track_features(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the `FEATURES` of a microphone.

    Those of the spectrum are of its mean over time, so that rests count for nothing. Flux is the
    mean onset strength.

    Args:
        x: Audio `(1, time)`.
        sample_rate: In Hz.

    Returns:
        Features `(14,)` in float64; 0 for silence.
    """
    if not x.any():
        return torch.zeros(len(FEATURES), dtype=torch.float64)
    fft_size = 2 ** round(math.log2(0.046 * sample_rate))
    power = magnitude_spectra(x[0], fft_size, fft_size // 2).square().double().mean(-1)
    f = torch.linspace(0, sample_rate / 2, len(power), dtype=torch.float64)
    share = power / power.sum()
    centroid = (f * share).sum()
    spread = ((f - centroid).square() * share).sum().sqrt()
    rolloff = f[(share.cumsum(0) < ROLLOFF).sum().clamp(max=len(f) - 1)]
    flatness = power.clamp(min=SILENT_POWER).log().mean().exp() / power.mean()
    bands = [share[(f >= low) & (f < high)].sum() for low, high in pairwise(BAND_EDGES_HZ)]
    crossings = (x[0, 1:].signbit() != x[0, :-1].signbit()).sum()
    rms, peak = measure_rms(x, sample_rate)[0], gain_to_db(x.abs().max())
    numbers = [
        rms, measure_loudness(x, sample_rate), peak, peak - rms, centroid, spread, rolloff,
        flatness, measure_onset_strength(x, sample_rate).mean(),
        crossings * sample_rate / (2 * x.shape[-1]), *bands,
    ]  # fmt: skip
    return torch.stack([number.double() for number in numbers])
