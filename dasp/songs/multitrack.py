"""A song as separate tracks, and the mixes that are known of it. Samples are read when asked for.

All tracks are heard at one rate and as long as the longest of them: other rates are resampled,
shorter tracks end in silence. An excerpt reads no more of a file than it needs, and is the same
as that part of the whole.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range
from dasp._suggestion import did_you_mean
from dasp._texts import listed
from dasp.audio_io import AUDIO_SUFFIXES, audio_info, has_audio_name
from dasp.file_names import as_found, in_any_locale
from dasp.mixing.roles import guess_role
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.songs.reading import read_part


class Recording(NamedTuple):
    """A track or a mix.

    Args:
        name: Its name.
        role: What plays, one of `dasp.mixing.roles.KNOWN_ROLES`.
        source: A file, or audio `(channels, time)` at the rate of the song.
    """

    name: str
    role: str
    source: Path | Tensor


class Head(NamedTuple):
    """What is known of a recording before its samples are read.

    Args:
        sample_rate: Its own rate, in Hz.
        channels: How many it has.
        frames: Length in samples at the rate of the song.
    """

    sample_rate: int
    channels: int
    frames: int


@dataclass(frozen=True)
class Multitrack:
    """A song whose samples are read when they are asked for.

    Args:
        name: What it is called.
        sample_rate: At which all tracks are heard, in Hz.
        recordings: The tracks.
        mixes: The mixes that are known of it.
        split: The part of its data set that the song belongs to, such as "train".
        details: What its data set tells beside the audio.
        remarks: What whoever listed the song had to say about it.

    >>> import torch
    >>> kick = Recording("kick", "kick", torch.ones(1, 3))
    >>> voice = Recording("voice", "vocal", torch.ones(2, 5))
    >>> song = Multitrack("song", 44_100, (kick, voice))
    >>> [track.shape for track in song.tracks], song.excerpt(2, 2)[0]
    ([torch.Size([1, 5]), torch.Size([2, 5])], tensor([[1., 0.]]))
    """

    name: str
    sample_rate: int
    recordings: tuple[Recording, ...]
    mixes: tuple[Recording, ...] = ()
    split: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        known = f"; mixes: {listed([mix.name for mix in self.mixes])}" if self.mixes else ""
        tracks = listed(self.names)
        return f"Multitrack({self.name!r}, {self.sample_rate} Hz, tracks: {tracks}{known})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tracks."""
        return tuple(recording.name for recording in self.recordings)

    @property
    def roles(self) -> tuple[str, ...]:
        """What each track plays, as `dasp.mixing.roles` calls it."""
        return tuple(recording.role for recording in self.recordings)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the tracks that have one."""
        sources = (recording.source for recording in self.recordings)
        return tuple(source for source in sources if isinstance(source, Path))

    @property
    def channels(self) -> tuple[int, ...]:
        """How many channels each track has, at most two."""
        return tuple(min(head.channels, 2) for head in self.heads)

    @cached_property
    def frames(self) -> int:
        """Length of the song in samples."""
        return max((head.frames for head in self.heads), default=0)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is done to make the tracks fit together, for a person to read."""
        return (*self.remarks, *self._rates(), *self._lengths())

    @cached_property
    def tracks(self) -> tuple[Tensor, ...]:
        """Audio `(channels, time)` of each track, whole. It is read once and kept."""
        return self.excerpt(0, self.frames)

    @property
    def song(self) -> Song:
        """What a mixer hears of it."""
        return Song(self.names, self.roles, self.tracks, self.sample_rate)

    def part(self, start: int, frames: int) -> Song:
        """Cut out what a mixer hears of a part of the song.

        Args:
            start: The first sample; before the song and after it there is silence.
            frames: Length in samples.

        Returns:
            The part; no more is read of the files.
        """
        return Song(self.names, self.roles, self.excerpt(start, frames), self.sample_rate)

    def plain_mix(self) -> Mix:
        """Build the mix that names the tracks and their files, and does nothing to them.

        Returns:
            A mix with an empty strip for each track.
        """
        tracks = (
            Track(name, str(source) if isinstance(source, Path) else "", role)
            for name, role, source in self.recordings
        )
        return Mix(self.sample_rate, tuple(tracks))

    def excerpt(self, start: int, frames: int) -> tuple[Tensor, ...]:
        """Read a part of each track.

        Args:
            start: The first sample; before the song, where `start` is negative, and after it there
                is silence.
            frames: Length in samples, 0 or more.

        Returns:
            Audio `(channels, frames)` of each track.

        Raises:
            ValueError: If `frames` is negative.
        """
        check_range("frames", frames, low=0)
        if "tracks" in self.__dict__:
            return tuple(_part(track, start, frames) for track in self.tracks)
        heads = zip(self.recordings, self.heads, strict=True)
        return tuple(self._read(recording, head, start, frames) for recording, head in heads)

    def within(self, start: int, frames: int) -> "Multitrack":
        """Make a song of which a part is heard, under the names and files of the whole.

        Args:
            start: The first sample.
            frames: Length in samples, 0 or more.

        Returns:
            The song, whose tracks are read; its notes are those of the whole.

        Raises:
            ValueError: If `frames` is negative.
        """
        part = self.with_tracks(self.excerpt(start, frames))
        part.__dict__["frames"] = frames
        return part

    def with_tracks(self, tracks: Sequence[Tensor]) -> "Multitrack":
        """Make a song whose tracks sound otherwise, under the names and files of this one.

        Args:
            tracks: Audio `(channels, time)` of each track.

        Returns:
            The song.
        """
        other = replace(self)
        frames = max((track.shape[-1] for track in tracks), default=0)
        other.__dict__.update(
            tracks=tuple(tracks), frames=frames, heads=self.heads, notes=self.notes
        )
        return other

    def mix(self, name: str = "", start: int = 0, frames: int | None = None) -> Tensor:
        """Read a mix, or a part of it.

        Args:
            name: Of the mix; the first where none is given.
            start: The first sample.
            frames: Length in samples; up to the end of the song where none is given.

        Returns:
            Audio `(channels, frames)`.

        Raises:
            ValueError: If no mix has that name.
        """
        recording = self._mix_named(name)
        frames = self.frames - start if frames is None else frames
        return self._read(recording, self._head(recording), start, frames)

    def _mix_named(self, name: str) -> Recording:
        if not self.mixes:
            raise ValueError(f"{self.name}: no mix of this song is known")
        for recording in self.mixes:
            if name in ("", recording.name):
                return recording
        known = [recording.name for recording in self.mixes]
        raise ValueError(f"{self.name}: no mix is called {name!r}{did_you_mean(name, known)}")

    @cached_property
    def heads(self) -> tuple[Head, ...]:
        """What is known of each track before its samples are read."""
        return tuple(map(self._head, self.recordings))

    def _head(self, recording: Recording) -> Head:
        if isinstance(recording.source, Tensor):
            return Head(self.sample_rate, *recording.source.shape)
        info = audio_info(recording.source)
        frames = math.ceil(info.frames * self.sample_rate / info.sample_rate)
        return Head(info.sample_rate, info.channels, frames)

    def _read(self, recording: Recording, head: Head, start: int, frames: int) -> Tensor:
        first, last = max(start, 0), max(min(start + frames, head.frames), 0)
        if isinstance(recording.source, Tensor):
            audio = recording.source[:2, first:last]
        else:
            audio = read_part(recording.source, head.sample_rate, self.sample_rate, first, last)
        return _part(audio, start - first, frames)

    def _rates(self) -> Iterator[str]:
        for name, head in zip(self.names, self.heads, strict=True):
            if head.sample_rate != self.sample_rate:
                yield f"{name}: resampled from {head.sample_rate} to {self.sample_rate} Hz"
            if head.channels > 2:
                yield f"{name}: {head.channels} channels, of which the first two are taken"

    def _lengths(self) -> Iterator[str]:
        for name, head in zip(self.names, self.heads, strict=True):
            if head.frames < self.frames:
                missing_s = (self.frames - head.frames) / self.sample_rate
                yield f"{name}: {missing_s:.3f} s of silence added at the end"


def load_folder(folder: str | Path, sample_rate: int | None = None) -> Multitrack:
    """List every audio file of a folder as a track named after the file, in the order of names.

    Args:
        folder: The folder.
        sample_rate: In Hz; without one the highest rate of the files.

    Returns:
        The song.

    Raises:
        ValueError: If there is no such folder, or no audio in it.
    """
    folder = as_found(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of audio files")
    files = audio_files(folder)
    if not files:
        endings = " ".join(sorted(AUDIO_SUFFIXES))
        raise ValueError(f"{folder}: no audio files ({endings}) in this folder")
    if sample_rate is None:
        sample_rate = max(audio_info(file).sample_rate for file in files)
    return load_tracks(files, [in_any_locale(file.stem) for file in files], sample_rate)


def load_tracks(files: Sequence[str | Path], names: Sequence[str], sample_rate: int) -> Multitrack:
    """Make a song of files; roles are guessed from the names.

    Args:
        files: The files of the tracks.
        names: The name of each track.
        sample_rate: At which the song is heard, in Hz.

    Returns:
        The song.
    """
    pairs = zip(names, map(Path, files), strict=True)
    recordings = tuple(Recording(name, guess_role(name), file) for name, file in pairs)
    return Multitrack("", sample_rate, recordings)


def audio_files(folder: Path) -> list[Path]:
    """List the audio files of a folder in the order of names, without hidden ones.

    Args:
        folder: The folder.

    Returns:
        The files.
    """
    return sorted(filter(has_audio_name, folder.iterdir()))


def _part(x: Tensor, start: int, frames: int) -> Tensor:
    """Samples `start` to `start + frames`, with zeros before the first and after the last."""
    before = min(max(-start, 0), frames)
    inside = x[..., max(start, 0) : max(start + frames, 0)]
    if inside.shape[-1] == frames:
        return inside
    return nnf.pad(inside, (before, frames - before - inside.shape[-1]))
