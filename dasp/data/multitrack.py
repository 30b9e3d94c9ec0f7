"""A song as separate tracks, read from files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch.nn.functional as nnf
from torch import Tensor

from dasp.audio_io import audio_info, load_audio
from dasp.signal.resample import resample

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".w64", ".rf64", ".caf")


@dataclass(frozen=True)
class Multitrack:
    """The tracks of a song, of one rate and one length."""

    sample_rate: int
    names: tuple[str, ...]
    files: tuple[Path, ...]
    tracks: tuple[Tensor, ...]
    """Audio `(channels, time)` of each track."""
    notes: tuple[str, ...]
    """What had to be done to make the tracks fit together, for a person to read."""


def load_folder(folder: str | Path, sample_rate: int | None = None) -> Multitrack:
    """Read every audio file of a folder as a track named after the file, in the order of names.

    Without `sample_rate` the highest of the files' rates is taken.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: expected a folder of audio files")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        raise ValueError(f"{folder}: no audio files ({' '.join(AUDIO_SUFFIXES)}) in this folder")
    if sample_rate is None:
        sample_rate = max(audio_info(file).sample_rate for file in files)
    return load_tracks(files, [file.stem for file in files], sample_rate)


def load_tracks(files: Sequence[str | Path], names: Sequence[str], sample_rate: int) -> Multitrack:
    """Read files as tracks: resampled to `sample_rate`, padded with silence to the longest."""
    notes, tracks = [], []
    for file, name in zip(files, names, strict=True):
        audio, rate = load_audio(file)
        if rate != sample_rate:
            notes.append(f"{name}: resampled from {rate} to {sample_rate} Hz")
            audio = resample(audio, rate, sample_rate)
        if audio.shape[0] > 2:
            notes.append(f"{name}: {audio.shape[0]} channels, of which the first two are taken")
            audio = audio[:2]
        tracks.append(audio)
    longest = max(audio.shape[-1] for audio in tracks)
    for name, audio in zip(names, tracks, strict=True):
        if audio.shape[-1] < longest:
            missing = (longest - audio.shape[-1]) / sample_rate
            notes.append(f"{name}: {missing:.3f} s of silence added at the end")
    padded = tuple(nnf.pad(audio, (0, longest - audio.shape[-1])) for audio in tracks)
    return Multitrack(sample_rate, tuple(names), tuple(map(Path, files)), padded, tuple(notes))
