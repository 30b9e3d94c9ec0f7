"""Names of files, as systems, drives and people write them.

Linux takes any bytes for a name, which Python keeps as surrogates where they are not UTF-8. The
same letters may be composed (é) or not (e and an accent, as macOS writes them), and are two names
on one system and one on another. Windows has drives, between which no relative name leads.
"""

import hashlib
import os
import unicodedata
from pathlib import Path

_MOST_BYTES = 100
"""Of a name within a longer one. Systems take 255 bytes of a name, encrypted folders 143."""


def in_one_form(name: str) -> str:
    """A name with its accents composed, which it is compared by."""
    return unicodedata.normalize("NFC", name)


def as_found(path: str | os.PathLike) -> Path:
    """The path as it stands on the disk, where that differs in how its accents are composed.

    What exists as it is, or in no form, comes back as it is, whatever the locale.
    """
    path = as_path(path)
    if str(path).isascii():
        return path
    path = Path(_in_this_locale(str(path)))
    if os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.relative_to(path.anchor).parts:
        if not os.path.lexists(found / part):
            part = next((name for name in _listed(found) if in_one_form(name) == in_one_form(part)),
                        part)  # fmt: skip
        found /= part
    return found


def as_path(path: str | os.PathLike) -> Path:
    """A name as a path; one that is a path already is not taken apart and joined again."""
    return path if isinstance(path, Path) else Path(path)


def named_from(file: str | os.PathLike, folder: str | os.PathLike) -> str:
    """What a document in `folder` calls a file: its place from there, with `/`.

    Its full name where no way leads from the one to the other, as between drives. Links to folders
    are followed, since `..` leads to the folder above the one that is meant.
    """
    parent, name = os.path.split(os.path.abspath(file))
    try:
        place = os.path.relpath(os.path.join(os.path.realpath(parent), name),
                                os.path.realpath(folder))  # fmt: skip
    except ValueError:
        place = os.path.abspath(file)
    return in_any_locale(Path(place).as_posix())


def in_any_locale(name: str) -> str:
    """A name as a locale of UTF-8 has it, in which documents are written."""
    if os.name != "posix" or name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "surrogateescape")


def _in_this_locale(name: str) -> str:
    """A name from a document as this process has it, whose locale may know no more than ASCII."""
    try:
        os.fsencode(name)
        return name
    except UnicodeEncodeError:
        return os.fsdecode(name.encode("utf-8", "surrogateescape"))


def within_longer_name(name: str) -> str:
    """A name that others are made from: itself, or a short one for it where it is long."""
    content = os.fsencode(name)
    if len(content) <= _MOST_BYTES:
        return name
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{content[: _MOST_BYTES - 20].decode('ascii', 'ignore')}-{digest}"


def in_a_text(name: str) -> str:
    """A name for a text of Unicode, in which bytes that are none are written out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _listed(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
