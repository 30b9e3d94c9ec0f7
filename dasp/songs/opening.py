"""A song from whatever holds its tracks: a folder, tensors by name, a mix whose files are there."""

from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from dasp._checks import check_audio, checked_sample_rate
from dasp.mixing.roles import guess_role
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.songs.folders import load_song
from dasp.songs.multitrack import Multitrack, Recording

Source = Multitrack | Song | Mix | Mapping[str, Tensor] | str | Path
"""What `open_song` takes."""


def open_song(
    source: Source, sample_rate: int | None = None, *, besides: Collection[Path] = ()
) -> Multitrack:
    """Open a song, whatever holds its tracks.

    Files are read when their samples are asked for. Shorter tracks end in silence.

    Args:
        source: The folder of a song; audio `(channels, time)` of each track by its name; a `Song`;
            a `Mix`, whose files are the tracks; or a `Multitrack`, which is returned.
        sample_rate: A whole number of Hz. Tensors by name need it; files are resampled to it, and
            have the highest of their own rates without it.
        besides: Files in the folder that are no tracks, such as a mix that is to be compared.

    Returns:
        The song: names, roles, tracks, and in `notes` what is done to make the tracks fit.

    Raises:
        ValueError: If there are no tracks, the rate is missing or another than that of the song,
            or a track of the mix has no file.

    >>> import torch
    >>> song = open_song({"BD": torch.ones(1, 8), "lead vox": torch.ones(2, 5)}, 44_100)
    >>> song.roles, [track.shape[-1] for track in song.tracks]
    (('kick', 'vocal'), [8, 8])
    """
    if isinstance(source, str | Path):
        return load_song(source, sample_rate=sample_rate, besides=besides)
    if isinstance(source, Mapping):
        if sample_rate is None:
            raise ValueError("sample_rate: expected that of the tracks, in Hz, got None")
        checked_sample_rate(sample_rate)
        return Multitrack("", sample_rate, tuple(_recordings(source)))
    song = _multitrack(source)
    if sample_rate not in (None, song.sample_rate):
        raise ValueError(f"sample_rate: the song has {song.sample_rate} Hz, got {sample_rate}")
    return song


def _multitrack(source: Multitrack | Song | Mix) -> Multitrack:
    if isinstance(source, Multitrack):
        return source
    if isinstance(source, Song):
        parts = zip(source.names, source.roles, source.tracks, strict=True)
        return Multitrack("", source.sample_rate, tuple(Recording(*part) for part in parts))
    if isinstance(source, Mix):
        return Multitrack("", source.sample_rate, tuple(_files(source)))
    raise ValueError(
        f"source: expected a folder, tensors by name, a Song, a Mix or a Multitrack, "
        f"got a {type(source).__name__}"
    )


def _recordings(tracks: Mapping[str, Tensor]) -> list[Recording]:
    if not tracks:
        raise ValueError("source: expected at least one track")
    for name, track in tracks.items():
        check_audio(track, name)
        if track.ndim != 2:
            raise ValueError(f"{name}: expected shape (channels, time), got {tuple(track.shape)}")
    return [Recording(name, guess_role(name), track) for name, track in tracks.items()]


def _files(mix: Mix) -> list[Recording]:
    for i, track in enumerate(mix.tracks):
        if not track.file:
            raise ValueError(f"tracks[{i}].file: {track.name!r} has none; give its song as well")
    return [Recording(track.name, track.role, Path(track.file)) for track in mix.tracks]
