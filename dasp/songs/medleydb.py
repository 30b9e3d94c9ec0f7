"""MedleyDB: songs of many kinds with raw tracks, the stems of their mix, and the mix.

`Song/Song_MIX.wav`, `Song/Song_STEMS/Song_STEM_01.wav`, `Song/Song_RAW/Song_RAW_01_01.wav`, and
`Song/Song_METADATA.yaml`, which says what plays in each. R. Bittner et al., "MedleyDB: a
multitrack dataset for annotation-intensive MIR research", ISMIR 2014.
"""

from pathlib import Path
from typing import Any

from dasp._checks import check_choice
from dasp.mixing.roles import guess_role
from dasp.songs.layout import some
from dasp.songs.multitrack import Multitrack, Recording, audio_files
from dasp.songs.yaml_files import read_yaml

ROLES = {
    "synthesizer": "synth",
    "theremin": "synth",
    "vocalists": "backing vocal",
    "claps": "percussion",
    "castanet": "percussion",
    "glockenspiel": "percussion",
    "gong": "percussion",
    "timpani": "percussion",
    "vibraphone": "percussion",
    "tabla": "percussion",
    "harp": "strings",
    "erhu": "strings",
    "alto saxophone": "brass",
    "baritone saxophone": "brass",
    "soprano saxophone": "brass",
    "tenor saxophone": "brass",
    "tuba": "brass",
    "oboe": "brass",
    "bassoon": "brass",
    "harmonica": "brass",
    "accordion": "keys",
    "harpsichord": "keys",
    "sampler": "effect",
    "scratches": "effect",
}
"""Instruments of the data set whose names alone do not tell `guess_role` what they are."""


def load_medleydb(
    root: str | Path,
    *,
    tracks: str = "raw",
    metadata: str | Path | None = None,
    sample_rate: int = 44_100,
) -> list[Multitrack]:
    """List the songs of MedleyDB, however deep under `root` (`V1/Song`, `Audio/Song`, `Song`).

    Args:
        root: A folder that holds songs.
        tracks: "raw" for what was recorded, "stems" for what came out of the strips of the mix.
        metadata: A folder with the YAML files, where they are not in those of their songs. A song
            without one has its tracks named after the files, of the role "other", and says so.
        sample_rate: At which the songs are heard.

    Returns:
        The songs, in the order of names.

    Raises:
        ValueError: If there are no songs, `tracks` is neither word, or metadata cannot be read.
    """
    check_choice("tracks", tracks, ("raw", "stems"))
    mixes = sorted(p for p in Path(root).rglob("*_MIX.wav") if not p.name.startswith("."))
    described = Path(metadata) if metadata else None
    songs = [_song(mix, tracks, described, sample_rate) for mix in mixes]
    return some(songs, root, "Song/Song_MIX.wav")


def _song(mix: Path, kind: str, metadata: Path | None, sample_rate: int) -> Multitrack:
    name = mix.name.removesuffix("_MIX.wav")
    places = (folder / f"{name}_METADATA.yaml" for folder in (mix.parent, metadata) if folder)
    description = next((place for place in places if place.is_file()), None)
    if description:
        details = read_yaml(description) or {}
        recordings, remarks = _described(mix.parent, name, details, kind)
    else:
        details, recordings = {}, _undescribed(mix.parent, name, kind)
        remarks = (f"{name}: no metadata, so the instruments are not known",)
    mixes = (Recording("mix", "other", mix),)
    return Multitrack(name, sample_rate, recordings, mixes, details=details, remarks=remarks)


def _described(
    folder: Path, name: str, details: dict[str, Any], kind: str
) -> tuple[tuple[Recording, ...], tuple[str, ...]]:
    """The tracks that the metadata lists and that exist, and a remark for each that does not."""
    recordings, remarks = [], []
    for stem in dict(sorted((details.get("stems") or {}).items())).values():
        listed = [stem]
        place = folder / (details.get("stem_dir") or f"{name}_STEMS")
        if kind == "raw":
            listed = list(dict(sorted((stem.get("raw") or {}).items())).values())
            place = folder / (details.get("raw_dir") or f"{name}_RAW")
        for track in listed:
            file = place / track["filename"]
            if file.is_file():
                recordings.append(Recording(file.stem, _role(track.get("instrument")), file))
            else:
                remarks.append(f"{file.name}: listed in the metadata, but not there")
    return tuple(recordings), tuple(remarks)


def _undescribed(folder: Path, name: str, kind: str) -> tuple[Recording, ...]:
    place = folder / f"{name}_{kind.upper()}"
    files = audio_files(place) if place.is_dir() else []
    return tuple(Recording(file.stem, "other", file) for file in files)


def _role(instrument: str | list[str] | None) -> str:
    words = " ".join(instrument) if isinstance(instrument, list) else instrument or ""
    return ROLES.get(words.lower(), guess_role(words))
