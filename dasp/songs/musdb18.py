"""MUSDB18: 150 songs with four stems each, the plain sum of which is the mix.

The uncompressed MUSDB18-HQ has `train/Song/{mixture,drums,bass,other,vocals}.wav`. MUSDB18 packs
the same five as the streams of one `train/Song.stem.mp4`, which only ffmpeg opens. Z. Rafii et
al., "The MUSDB18 corpus for music separation", 2017.
"""

import shutil
import subprocess
from pathlib import Path

from dasp.songs.layout import find_parts, some, subfolders
from dasp.songs.multitrack import Multitrack, Recording

SPLITS = ("train", "test", "val", "valid")
STEMS = {"drums": "drums", "bass": "bass", "other": "other", "vocals": "vocal"}
STREAMS = ("mixture", *STEMS)
"""What the streams of a .stem.mp4 are, in their order."""


def load_musdb18_hq(root: str | Path, *, sample_rate: int = 44_100) -> list[Multitrack]:
    """List the songs of MUSDB18-HQ.

    Args:
        root: The folder of the data set.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs; `split` is the folder that a song is in.

    Raises:
        ValueError: If the folder does not hold the data set.
    """
    parts = find_parts(root, SPLITS, "MUSDB18-HQ")
    folders = [folder for part in parts for folder in subfolders(part)]
    if not folders and any(part.glob("*.stem.mp4") for part in parts):
        raise ValueError(f"{root}: holds .stem.mp4 files; load_musdb18 reads them")
    return some([_song(folder, sample_rate) for folder in folders], root, "train/SONG/drums.wav")


def load_musdb18(
    root: str | Path, decoded: str | Path | None = None, *, sample_rate: int = 44_100
) -> list[Multitrack]:
    """List the songs of the compressed MUSDB18, and decode those that are not decoded yet.

    That takes about 30 GB for all of it, and needs ffmpeg. What has been decoded stays, in the
    layout of MUSDB18-HQ.

    Args:
        root: The folder of the data set.
        decoded: Where the decoded songs go; a folder `ROOT-wav` beside if none is given.
        sample_rate: At which the songs are heard, in Hz.

    Returns:
        The songs; `split` is the folder that a song is in.

    Raises:
        ValueError: If the folder does not hold the data set, ffmpeg is missing, or it cannot read
            a file.
    """
    if decoded is None:
        decoded = Path(root).with_name(f"{Path(root).resolve().name}-wav")
    packed = [p for part in find_parts(root, SPLITS, "MUSDB18") for p in part.glob("*.stem.mp4")]
    for file in sorted(some(packed, root, "train/SONG.stem.mp4")):
        song = Path(decoded) / file.parent.name / file.name.removesuffix(".stem.mp4")
        if not song.is_dir():
            _decode(file, song)
    return load_musdb18_hq(decoded, sample_rate=sample_rate)


def _song(folder: Path, sample_rate: int) -> Multitrack:
    tracks = tuple(
        Recording(stem, role, folder / f"{stem}.wav")
        for stem, role in STEMS.items()
        if (folder / f"{stem}.wav").is_file()
    )
    mixture = folder / "mixture.wav"
    mixes = (Recording("mixture", "other", mixture),) if mixture.is_file() else ()
    return Multitrack(folder.name, sample_rate, tracks, mixes, split=folder.parent.name)


def _decode(file: Path, song: Path) -> None:
    """Write the streams of a file as WAV; the folder appears when all of them are there."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise ValueError(f"{file}: is MPEG-4, which only ffmpeg reads; install ffmpeg")
    unfinished = song.with_name(f".{song.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    outputs = [
        argument
        for k, stream in enumerate(STREAMS)
        for argument in ("-map", f"0:a:{k}", "-c:a", "pcm_f32le", str(unfinished / f"{stream}.wav"))
    ]
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", str(file), *outputs]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{file}: ffmpeg could not read it ({done.stderr.strip()})")
    unfinished.replace(song)
