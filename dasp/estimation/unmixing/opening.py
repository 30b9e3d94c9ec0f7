"""What an unmix is called with: a song and its mix, whatever holds them."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from dasp.audio_io import load_audio
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.songs.opening import Source, open_song

FULL_SCALE = 0.9999
"""A mix that reaches it may have been clipped."""


class Opened(NamedTuple):
    """A song beside its mix.

    Args:
        song: The tracks.
        mix: Audio `(channels, time)` at the rate of the song.
        files: File of each track, or its name where it has none.
        notes: What was done to make the two fit, for a person to read.
    """

    song: Song
    mix: Tensor
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def open_beside_mix(
    source: Source, mix: Tensor | str | Path, sample_rate: int | None = None
) -> Opened:
    """Open a song and its mix.

    Args:
        source: The song, as `dasp.songs.open_song` takes it.
        mix: Its mix: audio `(channels, time)` at the rate of the song, or a file, which is
            resampled to it. Of a file and a song the longer is cut.
        sample_rate: As `dasp.songs.open_song` takes it.

    Returns:
        The two, of one length where the mix is a file.

    Raises:
        ValueError: If `dasp.songs.open_song` refuses the song.
    """
    besides = () if isinstance(mix, Tensor) else (Path(mix),)
    opened = open_song(source, sample_rate, besides=besides)
    song, notes = opened.song, list(opened.notes)
    files = tuple(
        str(recording.source) if isinstance(recording.source, Path) else recording.name
        for recording in opened.recordings
    )
    if not isinstance(mix, Tensor):
        audio, rate = load_audio(mix)
        if rate != song.sample_rate:
            notes.append(f"{mix}: resampled from {rate} to {song.sample_rate} Hz")
            audio = resample(audio, rate, song.sample_rate)
        song, mix = _of_one_length(song, audio, notes)
    return Opened(song, mix, files, tuple(notes))


def song_of_tracks(tracks: Sequence[Tensor], names: Sequence[str], sample_rate: int | None) -> Song:
    """Build the song of the old form of `unmix`, and warn of it.

    Args:
        tracks: Audio `(1 or 2, time)` of each track.
        names: Name of each track; empty to number them.
        sample_rate: In Hz.

    Returns:
        The song, with roles guessed from the names.

    Raises:
        ValueError: If the sample rate is missing.
    """
    warnings.warn(
        "unmix(tracks, mix, sample_rate, names=...) is unmix(song, mix) now, with a Song, a folder "
        "or audio by name; the old form goes with the next version",
        DeprecationWarning,
        stacklevel=3,
    )
    if sample_rate is None:
        raise ValueError("sample_rate: expected that of the tracks, in Hz, got None")
    return Song.of(names or [f"track {i + 1}" for i in range(len(tracks))], tracks, sample_rate)


def _of_one_length(song: Song, mix: Tensor, notes: list[str]) -> tuple[Song, Tensor]:
    """Song and mix cut to the shorter of the two."""
    if mix.shape[0] > 2:
        notes.append(f"the mix has {mix.shape[0]} channels, of which the first two are taken")
        mix = mix[:2]
    if mix.shape[0] == 1:
        notes.append("the mix is mono: both sides are taken to be the same")
        mix = mix.expand(2, -1)
    if mix.abs().max() >= FULL_SCALE:
        notes.append("the mix reaches full scale: where it was clipped, nothing linear explains it")
    lengths = {"tracks": song.tracks[0].shape[-1], "mix": mix.shape[-1]}
    time, longer = min(lengths.values()), max(lengths, key=lengths.__getitem__)
    if over := lengths[longer] - time:
        seconds = over / song.sample_rate
        notes.append(f"the last {seconds:.3f} s of the {longer} are left out")
    tracks = tuple(track[..., :time] for track in song.tracks)
    return Song(song.names, song.roles, tracks, song.sample_rate), mix[..., :time]
