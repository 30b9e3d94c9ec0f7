"""A part of a song for a quick look, found and read without reading the rest of its files."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.analysis.excerpt import busiest_stretch
from dasp.audio_io import load_pieces
from dasp.signal.side_by_side import side_by_side
from dasp.songs.multitrack import Head, Multitrack, Recording

LISTENED_S = 0.05
MOST_PLACES = 120
SILENT = 1e-4
"""A track whose samples are all under this in a part does not play there."""


@dataclass(frozen=True)
class Preview:
    """A part of a song, as a song.

    Args:
        song: The song, of which only the part is heard; its files and names are those of the whole.
        start_s: Where the part begins, in seconds.
        length_s: Length of the part in seconds.
        whole_s: Length of the whole song in seconds.
        missing: Names of the tracks that do not play in the part.
    """

    song: Multitrack
    start_s: float
    length_s: float
    whole_s: float
    missing: tuple[str, ...]

    def __str__(self) -> str:
        heard = (
            f"preview: {self.length_s:.0f} s from {_minutes(self.start_s)} on, of "
            f"{_minutes(self.whole_s)}; "
        )
        if not self.missing:
            return f"{heard}every track plays there, and the settings hold for the whole song"
        names = ", ".join(self.missing)
        return f"{heard}for the whole song they do not hold: {names} do not play there"


def preview(song: Multitrack, seconds: float = 20.0) -> Preview:
    """Find the part of a song in which most plays, and read that alone.

    Each file is listened to for moments in even steps, which tell how loud it is there.

    Args:
        song: The song.
        seconds: Length of the part, above 0.

    Returns:
        The part; the whole song where that is no longer.

    Raises:
        ValueError: If `seconds` is not above 0.

    >>> kick = Recording("kick", "kick", torch.cat((torch.zeros(1, 40), torch.ones(1, 20)), -1))
    >>> found = preview(Multitrack("song", 10, (kick,)), 2.0)
    >>> found.start_s, found.song.tracks[0].shape
    (4.0, torch.Size([1, 20]))
    """
    check_range("seconds", seconds, above=0.0)
    rate, frames = song.sample_rate, round(seconds * song.sample_rate)
    start = 0
    if frames < song.frames:
        step = max(1, min(rate, frames // 4), song.frames // MOST_PLACES)
        levels = torch.stack(
            side_by_side(
                lambda recording, head: _levels(recording, head, song, step),
                song.recordings,
                song.heads,
            )
        )
        start = busiest_stretch(levels[:, None], max(1, frames // step), hop=1).start * step
        start = min(start, song.frames - frames)
    part = song.within(start, min(frames, song.frames))
    missing = [
        name for name, x in zip(part.names, part.tracks, strict=True) if x.abs().amax() < SILENT
    ]
    return Preview(part, start / rate, part.frames / rate, song.frames / rate, tuple(missing))


def _levels(recording: Recording, head: Head, song: Multitrack, step: int) -> Tensor:
    """The root mean square of a track at moments in even steps, `(places,)`."""
    places = range(0, song.frames, step)
    if isinstance(recording.source, Path):
        scale = head.sample_rate / song.sample_rate
        starts = [round(place * scale) for place in places]
        pieces = load_pieces(recording.source, starts, max(1, round(LISTENED_S * head.sample_rate)))
    else:
        size = max(1, round(LISTENED_S * song.sample_rate))
        pieces = (recording.source[:, place : place + size] for place in places)
    return torch.stack([
        piece.square().mean().sqrt() if piece.shape[-1] else piece.new_zeros(()) for piece in pieces
    ])  # fmt: skip


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
