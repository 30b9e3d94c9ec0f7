"""Names of files: which are meant, and that what is written stays in its folder."""

import glob
import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Literal, NamedTuple

from dasp.audio_io import UNFINISHED, has_audio_name, passed_over
from dasp.file_names import as_found, in_one_form, within_longer_name
from dasp.songs.folders import has_track_folder, has_tracks

_DEEP = re.compile(r"(?:(?<=/)|^)\*\*/")

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
"""With accents in their letters, as most write them, and behind, as macOS does."""


class Found(NamedTuple):
    """A file or folder, and the folder that its place in the output is relative to."""

    path: Path
    root: Path

    @property
    def relative(self) -> Path:
        """The place in the output."""
        return self.path.relative_to(self.root)


def find_files(patterns: Iterable[str], notes: list[str] | None = None) -> list[Found]:
    """The files that are meant by files, folders (their audio files, at any depth) and globs.

    A file by its name stands at the top of the output, one from a folder where it stands in the
    folder, one from a glob where it stands beneath the part that has no wildcard. Links to folders
    are followed. What is passed over in a folder is added to `notes`.
    """
    found, notes = [], [] if notes is None else notes
    for pattern in patterns:
        path = as_found(pattern)
        if path.is_dir():
            files = [file for inner in _folders(path, notes) for file in _files(inner)]
            found += [Found(file, path) for file in files if has_audio_name(file)]
            notes += passed_over(path, files)
        elif glob.has_magic(pattern) and not path.exists():
            found += [
                Found(file, root) for file, root in _matches(pattern, notes) if file.is_file()
            ]
        else:  # Also what does not exist: reading it will say so.
            found.append(Found(path, path.parent))
    return _once(found)


def find_songs(patterns: Iterable[str], notes: list[str] | None = None) -> list[Found]:
    """The songs, as `read_song_folder` tells them, in folders at any depth and in globs."""
    found, notes = [], [] if notes is None else notes
    for pattern in patterns:
        path = as_found(pattern)
        for folder, root in [(path, path)] if path.exists() else _matches(pattern, notes):
            if folder.is_dir():
                found += [Found(song, root) for song in _songs(folder, notes)]
    # A song may be the folder itself, and then has its name.
    return _once(Found(p, p.parent if p == root else root) for p, root in found)


def inside(folder: Path, relative: str | Path) -> Path:
    """The path beneath a folder, refused where it would leave it, here or on another system.

    That is for `..`, absolute names, drives, backslashes, NUL, and symbolic links on the way.
    """
    relative = Path(relative)
    for part in relative.parts:
        as_windows = PureWindowsPath(part)
        if part == ".." or "\0" in part or as_windows.drive or as_windows.name != part:
            raise ValueError(f"{str(relative)!r}: no name of a file within {folder}")
    target = folder / relative
    if relative.is_absolute() or not relative.parts:
        raise ValueError(f"{str(relative)!r}: no name of a file within {folder}")
    real = Path(os.path.realpath(target if target.is_symlink() else target.parent))
    if not real.is_relative_to(os.path.realpath(folder)):
        raise ValueError(f"{target}: a symbolic link leads out of {folder}")
    return target


def check_apart(targets: Sequence[Path]) -> None:
    """Refuse names that differ in accents or case alone, on a disk to which these are one name."""
    alike: dict[str, Path] = {}
    for target in targets:
        other = alike.setdefault(in_one_form(str(target)).casefold(), target)
        if other != target and _are_one(target, other):
            raise ValueError(
                f"{target}: its name and that of {other} are one on this disk, and the one would "
                f"be written over the other"
            )


def _are_one(target: Path, other: Path) -> bool:
    """Whether two paths mean the same file, in folders that need not be there yet."""
    shared = Path(os.path.commonpath((target.absolute(), other.absolute())))
    there = next(folder for folder in (shared, *shared.parents) if folder.is_dir())
    try:
        with tempfile.TemporaryDirectory(dir=there) as trial:
            one, two = (trial / path.absolute().relative_to(shared) for path in (target, other))
            one.parent.mkdir(parents=True, exist_ok=True)
            one.touch()
            return two.exists()
    except OSError:  # Nothing can be written there, which will be said when it is tried.
        return False


def remove_unfinished(targets: Iterable[Path]) -> None:
    """Remove what writers that were killed have left of these files."""
    names: dict[Path, set[str]] = {}
    for target in targets:
        names.setdefault(target.parent, set()).add(within_longer_name(target.name))
    for folder, known in names.items():
        if not folder.is_dir():
            continue
        for entry in os.listdir(folder):
            if entry.startswith(".") and entry.endswith(UNFINISHED):
                name = entry[1 : -len(UNFINISHED)].rpartition(".")[0]
                if name in known:
                    (folder / entry).unlink(missing_ok=True)


def _folders(
    folder: Path,
    notes: list[str],
    is_end: Callable[[Path], bool] = lambda _: False,
    above: tuple[str, ...] = (),
) -> Iterator[Path]:
    """A folder and all in it, without hidden ones; nothing beneath one that is an end.

    Links are followed, but for those that lead back to where they came from.
    """
    here = os.path.realpath(folder)
    if here in above:
        notes.append(f"{folder}: is a link to a folder that it is in, and passed over")
        return
    yield folder
    if is_end(folder):
        return
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())
    except OSError as error:
        notes.append(f"{folder}: cannot be read ({error.strerror}), and is passed over")
        return
    for name in names:
        yield from _folders(folder / name, notes, is_end, (*above, here))


def _files(folder: Path) -> list[Path]:
    """The files of a folder, also links to nothing, without hidden ones."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if not e.name.startswith(".") and not e.is_dir())
    except OSError:
        return []
    return [folder / name for name in names]


def _songs(folder: Path, notes: list[str]) -> Iterator[Path]:
    """The songs in a folder. Beside the tracks of `SONG/stems` there is no other song in SONG."""
    return filter(has_tracks, _folders(folder, notes, is_end=has_track_folder))


def _matches(pattern: str, notes: list[str]) -> Iterator[tuple[Path, Path]]:
    """What a glob means, with the part of each that has no wildcard, however accents are made."""
    for form in dict.fromkeys((pattern, *(unicodedata.normalize(f, pattern) for f in _FORMS))):
        root = _fixed_part(form)
        yield from ((Path(match), root) for match in _expanded(form, notes))


def _expanded(pattern: str, notes: list[str]) -> Iterator[str]:
    """`glob.iglob`, which goes round in links, with our own way through the folders of `**/`."""
    deep = _DEEP.search(pattern)
    if deep is None:
        yield from glob.iglob(pattern, recursive=True)
        return
    head, tail = pattern[: deep.start()], pattern[deep.end() :]
    for start in filter(os.path.isdir, glob.iglob(head) if head else ["."]):
        for folder in _folders(Path(start), notes):
            yield from _expanded(os.path.join(glob.escape(str(folder)), tail), notes)


def _fixed_part(pattern: str) -> Path:
    parts = Path(pattern).parts[:-1]
    fixed = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _once(found: Iterable[Found]) -> list[Found]:
    return sorted({item.path: item for item in found}.values())
