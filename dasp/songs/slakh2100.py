"""Slakh2100: 2100 songs played by virtual instruments from scores.

`train/Track00001/metadata.yaml`, `stems/S01.flac` and `mix.flac`, mono. E. Manilow et al.,
"Cutting music source separation some Slakh", WASPAA 2019.
"""

from pathlib import Path
from typing import Any

from dasp.mixing.roles import guess_role
from dasp.songs.layout import find_parts, some, subfolders
from dasp.songs.multitrack import Multitrack, Recording, audio_files
from dasp.songs.yaml_files import read_yaml

SPLITS = ("train", "validation", "test")
ROLES = {
    "Synth Pad": "pad",
    "Chromatic Percussion": "percussion",
    "Pipe": "brass",
    "Reed": "brass",
    "Sound Effects": "effect",
    "Sound effects": "effect",
}
"""The roles of classes of instruments whose names alone do not tell."""


def load_slakh2100(root: str | Path, *, sample_rate: int = 44_100) -> list[Multitrack]:
    """List the songs of Slakh2100; stems that were not rendered are left out.

    A song without `metadata.yaml` has its tracks named after the files, of the role "other".

    Args:
        root: The folder with `train`, `validation` and `test`.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs; `details` is the metadata of a song.
    """
    parts = find_parts(root, SPLITS, "Slakh2100")
    songs = [_song(folder, sample_rate) for part in parts for folder in subfolders(part)]
    return some(songs, root, "train/Track00001/stems/S01.flac")


def _song(folder: Path, sample_rate: int) -> Multitrack:
    files = audio_files(folder / "stems") if (folder / "stems").is_dir() else []
    details: dict[str, Any] = {}
    remarks: tuple[str, ...] = ()
    if (folder / "metadata.yaml").is_file():
        details = read_yaml(folder / "metadata.yaml") or {}
        stems = details.get("stems") or {}
        files = [f for f in files if stems.get(f.stem, {}).get("audio_rendered", True)]
        recordings = tuple(_recording(file, stems.get(file.stem, {})) for file in files)
    else:
        recordings = tuple(Recording(file.stem, "other", file) for file in files)
        remarks = (f"{folder.name}: no metadata, so the instruments are not known",)
    mixes = tuple(
        Recording("mix", "other", file)
        for file in (folder / "mix.flac", folder / "mix.wav")
        if file.is_file()
    )
    split = folder.parent.name
    return Multitrack(folder.name, sample_rate, recordings, mixes, split, details, remarks)


def _recording(file: Path, stem: dict[str, Any]) -> Recording:
    kind = str(stem.get("inst_class", ""))
    role = "drums" if stem.get("is_drum") else ROLES.get(kind, guess_role(kind))
    return Recording(f"{file.stem} {kind}".strip(), role, file)
