"""The folder of a song: which of its files are tracks, which are mixes of them, and which neither.

Tracks are in `SONG/stems/`, in `SONG/tracks/`, or in the folder itself. Mixes are never tracks:
files that are called one (`mix.wav`, `Song_mix.wav`, `mixdown 2.wav`, `Song-master.wav`), and
files that `dasp mix` has written, whatever they are called, beside the settings of the same name.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from dasp.audio_io import audio_info, passed_over
from dasp.file_names import as_found, in_any_locale, in_one_form
from dasp.mixing.document import MOST_BYTES, is_mix
from dasp.mixing.roles import guess_role
from dasp.processors.document import read_json
from dasp.songs.layout import some, subfolders
from dasp.songs.multitrack import Multitrack, Recording, audio_files

TRACK_FOLDERS = ("tracks", "stems")
SESSION = "session.toml"
"""What a person asks of the mix: `dasp.songs.session`."""

EXPECTED = "audio files in stems/, in tracks/ or beside"

_MIX = re.compile(
    r"mix.*|(.*[ _-])?(mix|mixdown|mixture|master|mastered)([ _-]*(v|version|final|rev)?[ _.-]*\d*)"
)


class SongFolder(NamedTuple):
    """The files of a song's folder.

    Args:
        tracks: The files of the tracks, in the order of names.
        mixes: The files that are mixes of them.
        remarks: What is passed over, for a person to read.
    """

    tracks: tuple[Path, ...]
    mixes: tuple[Path, ...]
    remarks: tuple[str, ...]


def read_song_folder(folder: str | Path, *, besides: Collection[Path] = ()) -> SongFolder:
    """Tell the tracks of a song from its mixes; no audio is read.

    Args:
        folder: The folder of a song, or of its stems.
        besides: Files that are no tracks wherever they stand, such as the mix that is to be
            compared.

    Returns:
        The tracks, the mixes, and what is neither.

    Raises:
        ValueError: If the folder does not exist, or which files are its tracks is not clear: both
            `stems/` and `tracks/` have audio, one of them has none but files beside it, or two
            files have one name.
    """
    folder = as_found(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of audio files")
    known = {file.resolve() for file in besides}
    beside = [file for file in audio_files(folder) if file.resolve() not in known]
    mixes = [file for file in beside if _is_mix(file)]
    others = [file for file in beside if file not in mixes]
    place = _place(folder, others)
    if place == folder:
        tracks, inside, others = others, [], []
    else:
        files = [file for file in audio_files(place) if file.resolve() not in known]
        inside = [file for file in files if _is_mix(file)]
        tracks = [file for file in files if file not in inside]
    _check_names(tracks)
    remarks = [
        f"{file}: a mix by its name or its settings, and no track" for file in (*mixes, *inside)
    ]
    remarks += [f"{file}: is beside {place.name}/, and no track" for file in others]
    remarks += _folders_passed_over(folder, place) if tracks else []
    remarks += passed_over(
        place, sorted(p for p in place.iterdir() if p.is_file() and p.name != SESSION)
    )
    return SongFolder(tuple(tracks), (*mixes, *inside), tuple(remarks))


def load_songs(root: str | Path, *, sample_rate: int | None = None) -> list[Multitrack]:
    """List every folder that `load_song` can read.

    Args:
        root: The folder that holds the folders of songs.
        sample_rate: In Hz; without one each song has the highest rate of its tracks.

    Returns:
        The songs, in the order of names.

    Raises:
        ValueError: If there is none, or which files of one are its tracks is not clear.
    """
    songs = [
        load_song(folder, sample_rate=sample_rate)
        for folder in subfolders(Path(root))
        if read_song_folder(folder).tracks
    ]
    return some(songs, root, "SONG/stems/*.wav")


def load_song(
    folder: str | Path, *, sample_rate: int | None = None, besides: Collection[Path] = ()
) -> Multitrack:
    """Find the song in a folder: the tracks and mixes that `read_song_folder` tells apart.

    Args:
        folder: The folder of the song, or of its stems.
        sample_rate: In Hz; without one the highest rate of the tracks.
        besides: Files that are no tracks wherever they stand.

    Returns:
        The song; its notes name the files that are neither.

    Raises:
        ValueError: If there are no tracks, or which files are tracks is not clear.
    """
    files, mixes, remarks = read_song_folder(folder, besides=besides)
    if not files:
        raise ValueError(f"{folder}: no songs found; expected {EXPECTED}{_hint(Path(folder))}")
    if sample_rate is None:
        sample_rate = max(audio_info(file).sample_rate for file in files)
    return Multitrack(
        Path(folder).name,
        sample_rate,
        tuple(Recording(in_any_locale(file.stem), guess_role(file.stem), file) for file in files),
        tuple(Recording(in_any_locale(file.stem), "other", file) for file in mixes),
        remarks=remarks,
    )


def check_is_no_track(output: Path, files: Iterable[str | Path]) -> None:
    """Refuse to write a mix over one of its tracks.

    Args:
        output: The file that is to be written.
        files: The files of the tracks.

    Raises:
        ValueError: If `output` is one of them.
    """
    for file in files:
        if output.exists() and output.samefile(file):
            raise ValueError(
                f"{output}: is one of the tracks that are mixed; write the mix to another file, or "
                f"give this one the name of a mix (such as mix.wav) if an earlier run has made it"
            )


def taken_for_a_track(output: Path, files: Iterable[str | Path]) -> list[str]:
    """Tell where a mix was written among its tracks, under a name by which it would be one.

    Args:
        output: The file that was written.
        files: The files of the tracks.

    Returns:
        A note, or none.
    """
    folders = {Path(file).resolve().parent for file in files}
    if output.resolve().parent not in folders or _is_mix(output):
        return []
    return [
        f"{output}: stands among the tracks, and the next mix of this folder would take it for "
        f"one; a name such as mix.wav tells what it is"
    ]


def has_track_folder(folder: Path) -> bool:
    """Tell whether a folder has a `stems/` or `tracks/` with audio in it.

    Args:
        folder: The folder.

    Returns:
        Whether it has.
    """
    return any(audio_files(place) for place in _track_folders(folder))


def has_tracks(folder: Path) -> bool:
    """Tell whether a folder is a song's, also where it is not clear which its tracks are.

    Args:
        folder: The folder.

    Returns:
        Whether it is.

    Raises:
        ValueError: Never: what is not clear is a song's.
    """
    try:
        return bool(read_song_folder(folder).tracks)
    except ValueError:
        return True


def _track_folders(folder: Path) -> list[Path]:
    return [place for place in subfolders(folder) if place.name.lower() in TRACK_FOLDERS]


def _place(folder: Path, others: Collection[Path]) -> Path:
    """Where the tracks are: in `stems/`, in `tracks/`, or in the folder itself."""
    places = _track_folders(folder)
    full = [place for place in places if audio_files(place)]
    if len(full) > 1:
        names = " and in ".join(f"{place.name}/" for place in full)
        raise ValueError(f"{folder}: has audio in {names}; name the one that is meant: {full[0]}")
    if places and not full and others:
        raise ValueError(
            f"{folder}: {places[0].name}/ has no audio files, and there are some beside it; are "
            f"they the tracks? Then remove {places[0]}"
        )
    return (full or places or [folder])[0]


def _is_mix(file: Path) -> bool:
    return bool(_MIX.fullmatch(file.stem.lower())) or _is_output(file)


def _is_output(file: Path) -> bool:
    """Whether settings stand beside a file that made it: it is not one of their tracks."""
    settings = file.with_suffix(".json")
    if not settings.is_file():
        return False
    try:
        document = read_json(settings, most_bytes=MOST_BYTES)
    except (ValueError, OSError):
        return False
    if not is_mix(document):
        return False
    tracks = document.get("tracks")
    names = [t.get("file") for t in tracks if isinstance(t, dict)] if tracks else []
    own = in_one_form(in_any_locale(file.name))
    return own not in [in_one_form(n) for n in names if isinstance(n, str) and "/" not in n]


def _check_names(tracks: Collection[Path]) -> None:
    by_name: dict[str, Path] = {}
    for track in tracks:
        other = by_name.setdefault(in_one_form(track.stem), track)
        if other != track:
            raise ValueError(
                f"{track}: has the name of {other.name}; are they one track, twice? Remove or "
                f"rename one of them"
            )


def _folders_passed_over(folder: Path, place: Path) -> Iterator[str]:
    for inner in subfolders(place):
        if audio_files(inner) and place != folder:
            yield f"{inner}: a folder within {place.name}/, which is not read"


def _hint(folder: Path) -> str:
    """What a folder without tracks may be instead."""
    mixes = [file.name for file in audio_files(folder)]
    if mixes:
        return f"; {', '.join(mixes)} are mixes by their names"
    if any(audio_files(inner) or has_track_folder(inner) for inner in subfolders(folder)):
        return "; its folders may be songs, which 'dasp batch --mix' mixes one by one"
    return ""
