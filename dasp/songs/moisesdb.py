"""MoisesDB: 240 songs whose tracks are sorted into eleven kinds of stems.

`UUID/data.json` lists the tracks of each stem, and `UUID/STEM/ID.wav` are their files, which may
end at different times. I. Pereira et al., "MoisesDB: a dataset for source separation beyond
4-stems", ISMIR 2023.
"""

import json
from pathlib import Path

from dasp._texts import decoded
from dasp.mixing.roles import guess_role
from dasp.songs.layout import some
from dasp.songs.multitrack import Multitrack, Recording

STEM_ROLES = {
    "vocals": "vocal",
    "bass": "bass",
    "drums": "drums",
    "guitar": "guitar",
    "other_plucked": "guitar",
    "percussion": "percussion",
    "piano": "keys",
    "other_keys": "keys",
    "bowed_strings": "strings",
    "wind": "brass",
    "other": "other",
}
"""The role of a track whose own type tells none."""


def load_moisesdb(root: str | Path, *, sample_rate: int = 44_100) -> list[Multitrack]:
    """List the songs of MoisesDB, which has no mixes and no splits.

    Tracks are named "stem/type", with a number from the second of a name on. `details` has the
    song, the artist, the genre, and under "bleed" the tracks that hear others.

    Args:
        root: A folder that holds songs, each with a `data.json`.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs.

    Raises:
        ValueError: If there are none, or a `data.json` is no JSON text.
    """
    described = sorted(Path(root).rglob("data.json"))
    return some([_song(path, sample_rate) for path in described], root, "UUID/data.json")


def _song(path: Path, sample_rate: int) -> Multitrack:
    try:
        data = json.loads(decoded(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON text ({error})") from error
    recordings: list[Recording] = []
    remarks, bleed = [], []
    for stem in data["stems"]:
        for track in stem["tracks"]:
            file = path.parent / stem["stemName"] / f"{track['id']}.{track['extension']}"
            kind = str(track.get("trackType") or stem["stemName"])
            taken = [recording.name for recording in recordings]
            name = _free_name(f"{stem['stemName']}/{kind}", taken)
            if not file.is_file():
                remarks.append(f"{name}: listed in data.json, but not there")
                continue
            recordings.append(Recording(name, _role(kind, stem["stemName"]), file))
            if track.get("has_bleed"):
                bleed.append(name)
    details = {key: data.get(key, "") for key in ("song", "artist", "genre")}
    return Multitrack(
        path.parent.name,
        sample_rate,
        tuple(recordings),
        details={**details, "bleed": tuple(bleed)},
        remarks=tuple(remarks),
    )


def _role(kind: str, stem: str) -> str:
    if "background" in kind.lower():
        return "backing vocal"
    guessed = guess_role(kind)
    return STEM_ROLES.get(stem, "other") if guessed == "other" else guessed


def _free_name(name: str, taken: list[str]) -> str:
    """The name, with a number where it is taken."""
    if name not in taken:
        return name
    return next(n for k in range(2, len(taken) + 2) if (n := f"{name} {k}") not in taken)
