"""The microphones of a drum kit in fixed places, one waveform a slot.

A track goes to the slot of its own name, or else to one of its role. Overheads go to their side.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from scipy.optimize import nnls
from torch import Tensor

from dasp.mixing.roles import guess_role, name_words
from dasp.mixing.song import Song
from dasp.signal.stft import magnitude_spectra

SIDES = {"left": ("l", "left", "ohl"), "right": ("r", "right", "ohr")}
"""Words of names that tell a side."""

OVERHEADS = ("overhead_L", "overhead_R")
HIGHS_HZ, FFT_SIZE = 5000.0, 1024
CLEARLY = 10 ** (1 / 20)
"""How much louder a hi-hat is in an overhead that is taken for the nearer one."""

HEARD_SHARE = 0.05
"""The share of an overhead's highs from which on a hi-hat is heard in it."""

BOTH_SIDES = 0.5**0.5
"""What either side gets of a single microphone that stands for both."""


class Filled(NamedTuple):
    """What slots hear.

    Args:
        audio: Audio `(slots, time)`; silence in empty ones.
        together: The tracks of each slot that hears several.
        left_out: The tracks that no slot hears.
    """

    audio: Tensor
    together: Mapping[str, tuple[str, ...]]
    left_out: tuple[str, ...]


def fill_slots(song: Song, slots: Sequence[str]) -> Filled:
    """Put the tracks of a song in slots, as mono.

    A track goes to the slot of its own name, or else to the first free one of its role, in the
    order of names, floor toms last; where none is free it is added to the last. A role with slots
    for left and right has its tracks there by their names; a stereo one is split, two without a
    side are left and right, and a single one goes to both, 3 dB down.

    Args:
        song: The tracks, their names and roles.
        slots: Names of the slots.

    Returns:
        The slots.

    >>> tracks = 2 * torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2)
    >>> song = Song.of(["OH left", "Kick In", "Vox"], tracks, 44_100)
    >>> filled = fill_slots(song, ["kick", "overhead_L", "overhead_R"])
    >>> filled.audio[:, 0].tolist(), filled.left_out
    ([1.0, 2.0, 0.0], ('Vox',))
    """
    heard: dict[str, list[tuple[str, Tensor]]] = {slot: [] for slot in slots}
    left_out: list[str] = []
    tracks = sorted(zip(song.names, song.roles, song.tracks, strict=True), key=_floor_last)
    by_own_name = {_plain(slot): slot for slot in slots}
    others = []
    for name, role, track in tracks:
        if slot := by_own_name.get(_plain(name)):
            heard[slot].append((name, track.mean(0)))
        else:
            others.append((name, role, track))
    for role in dict.fromkeys(role for _, role, _ in others):
        of_role = {name: track for name, own, track in others if own == role}
        own_slots = [slot for slot in slots if guess_role(slot) == role]
        sides = {side: [s for s in own_slots if _side(s) == side] for side in SIDES}
        if not own_slots:
            left_out += of_role
        elif all(sides.values()):
            _fill_sides(heard, of_role, sides["left"][0], sides["right"][0])
        else:
            for name, track in of_role.items():
                free = [slot for slot in own_slots if not heard[slot]]
                heard[(free or own_slots[-1:])[0]].append((name, track.mean(0)))
    silence = torch.zeros_like(song.tracks[0][0])
    audio = torch.stack([sum((x for _, x in rows), silence) for rows in heard.values()])
    together = {
        slot: tuple(name for name, _ in rows) for slot, rows in heard.items() if len(rows) > 1
    }
    return Filled(audio, together, tuple(name for name in song.names if name in left_out))


def in_slots(song: Song, slots: Sequence[str]) -> Tensor:
    """Put all tracks of a song in slots, as `fill_slots` does.

    Args:
        song: The tracks, their names and roles.
        slots: Names of the slots.

    Returns:
        Audio `(slots, time)`; silence in empty ones.

    Raises:
        ValueError: If no slot is for a track: it would not be in the mix.

    >>> song = Song.of(["OH left", "BD"], (2 * torch.ones(1, 2), torch.ones(1, 2)), 44_100)
    >>> in_slots(song, ["kick", "overhead_L", "overhead_R"])
    tensor([[1., 1.],
            [2., 2.],
            [0., 0.]])
    """
    filled = fill_slots(song, slots)
    if filled.left_out:
        name = filled.left_out[0]
        role = song.roles[song.names.index(name)]
        raise ValueError(
            f"track {name!r} ({role}): none of the network's slots is for it; they are "
            f"{', '.join(slots)}"
        )
    return filled.audio


def hihat_is_left(audio: Tensor, slots: Sequence[str], sample_rate: float) -> bool:
    """Tell whether the left overhead is the one that is nearer to the hi-hat.

    What an overhead has of highs, frame by frame, is explained by what the close microphones have
    of them, with a gain for each that is not negative. So the bleed of other drums into the
    microphone of the hi-hat does not count as its sound.

    Args:
        audio: Audio `(slots, time)`.
        slots: Names of the slots, with hihat, overhead_L and overhead_R among them.
        sample_rate: In Hz.

    Returns:
        Whether the gain of the hi-hat is the larger one on the left; not where one of the three
        is silent, it is hardly heard, or the two gains are
        within 1 dB.
    """
    if not {"hihat", *OVERHEADS} <= set(slots):
        return False
    heard = [i for i, slot in enumerate(slots) if slot not in OVERHEADS and audio[i].any()]
    if slots.index("hihat") not in heard:
        return False
    close = torch.stack([_highs(audio[i], sample_rate) for i in heard], -1)
    hats = close[:, heard.index(slots.index("hihat"))]
    shares = []
    for slot in OVERHEADS:
        overhead = _highs(audio[slots.index(slot)], sample_rate)
        gain = nnls(close.numpy(), overhead.numpy())[0][heard.index(slots.index("hihat"))]
        shares.append((gain, gain * hats.norm() > HEARD_SHARE * overhead.norm()))
    (left, is_heard), (right, _) = shares
    return bool(is_heard and left > CLEARLY * right)


def _fill_sides(
    heard: Mapping[str, list[tuple[str, Tensor]]],
    tracks: Mapping[str, Tensor],
    left: str,
    right: str,
) -> None:
    """Put the tracks of one role in the slots of its two sides."""
    undecided = []
    for name, track in tracks.items():
        side = _side(name)
        if len(track) == 2 and not side:
            heard[left].append((name, track[0]))
            heard[right].append((name, track[1]))
        elif side:
            heard[left if side == "left" else right].append((name, track.mean(0)))
        else:
            undecided.append((name, track.mean(0)))
    if len(undecided) == 2:
        heard[left].append(undecided[0])
        heard[right].append(undecided[1])
        return
    for name, x in undecided:
        for slot in (left, right):
            heard[slot].append((name, BOTH_SIDES * x))


def _highs(x: Tensor, sample_rate: float) -> Tensor:
    """Amplitude above `HIGHS_HZ` of each frame, in float64."""
    spectra = magnitude_spectra(x.detach().cpu(), FFT_SIZE, FFT_SIZE // 2)
    lowest = round(min(HIGHS_HZ / sample_rate, 0.25) * FFT_SIZE)
    return spectra[lowest:].square().sum(0).sqrt().double()


def _floor_last(row: tuple[str, str, Tensor]) -> tuple[bool, str]:
    name = row[0]
    return "floor" in name_words(name), name


def _plain(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _side(name: str) -> str:
    """The side that the words of a name tell, left or right, or nothing."""
    words = name_words(name)
    told = [side for side, own in SIDES.items() if not set(own).isdisjoint(words)]
    return told[0] if len(told) == 1 else ""
