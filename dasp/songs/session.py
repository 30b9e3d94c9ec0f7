"""`session.toml`: what a person asks of the mix of a song, in a file beside its stems.

    genre = "rock"
    kit = "audience"

    [role]
    Voix = "vocal"

    [priority]
    Voix = "high"

    [pan]
    "Guitar 2" = 0.3
    keys = "left"

    [reverb]
    drums = "less"

Every key is optional, and has the name of the option of `dasp mix` that says the same.
"""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

from dasp._suggestion import did_you_mean
from dasp._toml import read_toml
from dasp.mixing.wishes import Wishes
from dasp.songs.folders import SESSION, TRACK_FOLDERS


def find_session(files: Iterable[str | Path]) -> Path | None:
    """Look for the session file of a song.

    It stands beside the stems, or beside the `stems/` or `tracks/` in which they are.

    Args:
        files: The files of the tracks.

    Returns:
        The file, or None.
    """
    for folder in dict.fromkeys(Path(file).parent for file in files):
        places = [folder]
        if folder.name.lower() in TRACK_FOLDERS:
            places.append(folder.parent)
        for place in places:
            if (place / SESSION).is_file():
                return place / SESSION
    return None


def read_session(path: Path) -> Wishes:
    """Read a session file.

    Args:
        path: The file.

    Returns:
        The wishes.

    Raises:
        ValueError: If it is no TOML, a key is unknown, or a wish has no meaning; the message names
            the file and the key.
    """
    table = read_toml(path)
    known = [field.name for field in fields(Wishes)]
    for key in table:
        if key not in known:
            raise ValueError(f"{path}: unknown key {key!r}{did_you_mean(key, known)}")
    try:
        return Wishes(**table)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
