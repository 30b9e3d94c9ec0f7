"""Grooves played with the recorded hits of a real kit, as all of its microphones heard them.

A folder of hits has one file for each, `ks_vl4_rr1.flac`: what was struck, how hard (1 to 6), and
which of several takes, with a channel for each microphone. Every microphone hears every hit, so
that the tracks have true bleed and true times of arrival.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dasp.audio_io import load_audio
from dasp.songs.layout import some
from dasp.songs.multitrack import Multitrack, Recording, audio_files
from dasp.songs.score import Note, compose
from dasp.songs.seeded import SeededSongs
from dasp.songs.seeds import generator_for

MICROPHONES = {
    "kick": "kick",
    "snare": "snare",
    "oh": "overhead",
    "side": "overhead",
    "front": "room",
    "wndw": "room",
    "retro": "room",
}
"""The channels of a hit, and their roles."""

DRUMS = ("kick", "snare", "hihat", "tom")
"""The parts of a score that a kit plays."""

HARDEST = 6
_NAME = re.compile(r"(?P<stroke>[a-z]+)_vl(?P<layer>\d+)_rr(?P<take>\d+)")


class Hit(NamedTuple):
    """One recorded stroke.

    Args:
        layer: How hard it was struck; larger is harder.
        take: Its number among the strokes of a layer.
        audio: Audio `(microphones, time)`.
    """

    layer: int
    take: int
    audio: Tensor


@dataclass(frozen=True)
class Kit:
    """The hits of a kit.

    Args:
        sample_rate: In Hz.
        hits: Hits by stroke: ks kick, sc snare, ht and ho closed and open hi-hat, th tm tl toms.
    """

    sample_rate: int
    hits: Mapping[str, tuple[Hit, ...]]


def load_kit(folder: str | Path) -> Kit:
    """Read all hits of a folder.

    Args:
        folder: Its files are `STROKE_vlLAYER_rrTAKE.*`, with a channel for each microphone.

    Returns:
        The kit.

    Raises:
        ValueError: If there are no hits, or a file has other than the seven microphones.
    """
    hits: dict[str, list[Hit]] = {}
    rate = 0
    for file in audio_files(Path(folder)):
        name = _NAME.fullmatch(file.stem)
        if name is None:
            continue
        audio, rate = load_audio(file)
        if audio.shape[0] != len(MICROPHONES):
            raise ValueError(
                f"{file}: expected the {len(MICROPHONES)} microphones {', '.join(MICROPHONES)}, "
                f"got {audio.shape[0]} channels"
            )
        hit = Hit(int(name["layer"]), int(name["take"]), audio)
        hits.setdefault(name["stroke"], []).append(hit)
    some(list(hits), folder, "hits such as ks_vl4_rr1.flac")
    return Kit(rate, {stroke: tuple(takes) for stroke, takes in hits.items()})


def halves(kit: Kit) -> tuple[Kit, Kit]:
    """Part a kit into two that share no hit: every second of each stroke.

    One is to learn from, and the other to find out what was learnt. A stroke of which there is
    one hit is in the first alone.

    Args:
        kit: The kit.

    Returns:
        One to learn from, and one to find out what was learnt.
    """
    parts = []
    for first in (0, 1):
        hits = {
            stroke: sorted(takes, key=lambda hit: hit[:2])[first::2]
            for stroke, takes in kit.hits.items()
        }
        parts.append(Kit(kit.sample_rate, {s: tuple(takes) for s, takes in hits.items() if takes}))
    return parts[0], parts[1]


def kit_groove(kit: Kit, seed: int, *, seconds: float = 20.0) -> Multitrack:
    """Play the drums of the score of a seed on a kit.

    `details` has the seed, the tempo, and under "strokes" what was struck when:
    `(time_s, stroke, layer, take)`. Parts that the kit has no hits for are left out.

    Args:
        kit: The kit.
        seed: Of the score, and of which takes are struck.
        seconds: Length of the groove.

    Returns:
        The groove, with a track for each microphone.
    """
    score = compose(seed, seconds=seconds, ensemble=DRUMS)
    draw = generator_for(seed, "hits")
    time = round(seconds * kit.sample_rate)
    audio = torch.zeros(len(MICROPHONES), time)
    strokes = []
    for part in score.parts:
        for note in part.notes:
            stroke = _stroke(part.name, note, draw)
            if stroke not in kit.hits:
                continue
            hit = _as_hard_as(kit.hits[stroke], note.velocity, draw)
            start = round(note.start_s * kit.sample_rate)
            sound = hit.audio[:, : max(0, time - start)]
            audio[:, start : start + sound.shape[-1]] += sound
            strokes.append((note.start_s, stroke, hit.layer, hit.take))
    tracks = zip(MICROPHONES.items(), audio.split(1), strict=True)
    return Multitrack(
        f"groove {seed}",
        kit.sample_rate,
        tuple(Recording(name, role, track) for (name, role), track in tracks),
        details={"seed": seed, "tempo_bpm": score.tempo_bpm, "strokes": tuple(sorted(strokes))},
    )


@dataclass(frozen=True)
class KitGrooves(SeededSongs):
    """A data set of grooves, each of which is made when it is asked for.

    Args:
        kit: What plays.
        count: Number of grooves, 0 or more.
        first_seed: Seed of the first; the others follow.
        seconds: Length of each groove.
        mixed: Whether each groove comes with its mix by `dasp.songs.engineer`, drawn from the same
            seed.

    Raises:
        ValueError: If `count` is negative.
    """

    kit: Kit
    count: int
    first_seed: int = 0
    seconds: float = 20.0
    mixed: bool = False

    def _made(self, seed: int) -> Multitrack:
        return kit_groove(self.kit, seed, seconds=self.seconds)


def _stroke(part: str, note: Note, draw: torch.Generator) -> str:
    """What of the kit plays a note of a part."""
    if part == "hihat":
        return "ho" if torch.rand((), generator=draw).item() < 0.04 else "ht"
    if part == "tom":
        return "th" if note.freq_hz > 150 else "tm" if note.freq_hz > 120 else "tl"
    return {"kick": "ks", "snare": "sc"}[part]


def _as_hard_as(hits: tuple[Hit, ...], velocity: float, draw: torch.Generator) -> Hit:
    """One of the takes whose layer is nearest to a velocity in [0, 1]."""
    wanted = velocity * HARDEST
    nearest = min(abs(hit.layer - wanted) for hit in hits)
    takes = [hit for hit in hits if abs(hit.layer - wanted) == nearest]
    return takes[int(torch.randint(len(takes), (), generator=draw))]
