"""Tensors to audio files: whole or not at all, and the same bytes for the same samples."""

import hashlib
import io
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io.wavfile
import soundfile
import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, checked_sample_rate
from dasp.audio_io.containers import without_chance
from dasp.audio_io.errors import AudioFileError, finite_peak
from dasp.audio_io.formats import FLOATS, MOST_CHANNELS, PCM_BITS, bytes_each, format_of
from dasp.audio_io.layout_writing import as_kept, with_mask
from dasp.audio_io.tag_writing import BY_NAME, finish
from dasp.audio_io.tags import Tags
from dasp.file_names import within_longer_name
from dasp.layouts import Layout, as_layout
from dasp.signal.quantise import quantise
from dasp.units import gain_to_db

_AS_IN_MEMORY = {"PCM_16", "PCM_32", *FLOATS}
"""Subtypes whose samples stand in a WAV as they stand in an array."""

LARGEST_WAV = 2**32 - 1024
"""Bytes of samples that 32 bits can count beside the head; more become RF64."""

CLIP_MODES = ("error", "clamp", "rescale")

UNFINISHED = ".part"
"""How the names end of files that are not finished, and whose writer may have died."""


@dataclass(frozen=True)
class Saved:
    """What writing a file did to its samples."""

    subtype: str
    over: int
    """Samples that were over full scale, and would have clipped."""
    gain_db: float
    """The gain that brought them back to it; 0 where none was needed or asked for."""
    notes: tuple[str, ...] = ()
    """What of the layout and the tags the format has no place for."""


def save_audio(
    path: str | os.PathLike,
    x: Tensor,
    sample_rate: float,
    *,
    subtype: str | None = None,
    overwrite: bool = False,
    clip_mode: str = "error",
    dither: torch.Generator | None = None,
    layout: Layout | str | None = None,
    tags: Tags | None = None,
) -> Saved:
    """Write audio `(channels, time)` to a file, in the format that its name ends in.

    The same samples give the same file to the last bit. The file appears only when it is whole.
    Formats of integers round to the nearest step, and their largest step stands for 1; "FLOAT"
    and "DOUBLE" keep samples as they are, also beyond 1. A WAV over 4 GiB is written as RF64.

    Args:
        path: The new file; its folder exists.
        x: Audio in [-1, 1], or any finite audio with a floating-point subtype.
        sample_rate: A whole number of Hz.
        subtype: How samples are stored, such as "PCM_16" or "FLOAT"; by default "PCM_24" where
            the format has it.
        overwrite: Whether an existing file may be replaced.
        clip_mode: What becomes of samples over full scale where the format would clip them:
            "error" writes nothing, "clamp" clips them, "rescale" lowers the whole file until its
            peak is 1.
        dither: Where noise is drawn from, on the CPU, that frees the rounding to integers of its
            bond to the signal: triangular, two steps wide. Audio that lies on the steps as it is
            stays so.
        layout: The speakers of the channels, as `dasp.layouts.as_layout` takes them, which the
            file tells where its format can; of another number of channels it has no meaning, and
            is left out. Channels are in the order of `dasp.layouts.SPEAKERS`; formats that have
            another one, as Ogg does, are written in theirs.
        tags: What `read_tags` found in another file; the notes of the answer name what the
            format has no place for.

    Raises:
        AudioFileError: For NaN or infinity, for samples over full scale with "error", for a
            format, rate or number of channels that cannot be written, or where the file exists.
    """
    path = Path(path)
    check_audio(x)
    check_choice("clip_mode", clip_mode, CLIP_MODES)
    if x.ndim != 2 or x.shape[0] == 0:
        raise ValueError(f"x: expected shape (channels, time), got {tuple(x.shape)}")
    format, subtype = checked_target(path, len(x), sample_rate, subtype, overwrite)
    x = x.detach().cpu().to(torch.promote_types(x.dtype, torch.float32))
    peak = finite_peak(path, x, sample_rate)
    over, gain_db = 0, 0.0
    if subtype not in FLOATS and peak > 1:
        over = count_over(x)
        x, gain_db = _fitted(path, x, peak, over, subtype, clip_mode)
    speakers = layout_for(layout, len(x))
    with telling_of(path), whole(path) as unfinished:
        file = _encoded(x, int(sample_rate), format, subtype, dither, speakers, tags)
        notes = finish(file, format, int(sample_rate), tags, speakers)
        # Not `getbuffer()`: an error would hold on to the view longer than to what it looks at.
        unfinished.write_bytes(file.getvalue())
    return Saved(subtype, over, gain_db, notes)


def dither_source(seed: int, x: Tensor) -> torch.Generator:
    """Noise for one signal: the same for the same samples and seed, another for other samples.

    So a file does not depend on its name, and the noises of tracks that are summed are unlike.
    """
    samples = zlib.crc32(x.detach().cpu().float().contiguous().numpy())
    digest = hashlib.sha256(f"{seed}:{samples}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write a file under, which takes the place of `path` when all went well.

    A link stays, and what it leads to is replaced; a file that is replaced hands on its mode.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    stem = within_longer_name(path.name)
    unfinished = path.with_name(f".{stem}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        yield unfinished
        if path.is_file():
            shutil.copymode(path, unfinished)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def checked_target(
    path: Path, channels: int, sample_rate: float, subtype: str | None, overwrite: bool
) -> tuple[str, str]:
    """The format and the subtype of a file that can be written."""
    sample_rate = checked_sample_rate(sample_rate)
    if sample_rate != int(sample_rate):
        raise AudioFileError(path, f"files need a whole sample rate, got {sample_rate} Hz")
    format, subtype = format_of(path, subtype)
    most = MOST_CHANNELS.get(format, 1024)
    if channels > most:
        raise AudioFileError(path, f"{format} holds {most} channels, got {channels}")
    if os.path.exists(path) and not overwrite:
        raise AudioFileError(path, "exists already; pass overwrite=True to replace it")
    if not path.parent.is_dir():
        raise AudioFileError(path, f"the folder {path.parent} does not exist")
    return format, subtype


@contextmanager
def telling_of(path: Path) -> Iterator[None]:
    """Name the file in what goes wrong when it is written."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise AudioFileError(path, f"cannot be written ({error.error_string})") from error
    except OSError as error:
        raise AudioFileError(path, f"cannot be written ({error.strerror})") from error


def count_over(x: Tensor) -> int:
    """How many samples are over full scale."""
    return int((x.abs() > 1).sum())


def clips(path: Path, over: int, peak: float, subtype: str) -> AudioFileError:
    """The error for `over` samples that a subtype would clip."""
    excess_db = max(gain_to_db(peak), 0.01)
    return AudioFileError(
        path,
        f"{over} samples are over full scale, by up to {excess_db:.2f} dB, and {subtype} would "
        f"clip them; lower the level, or keep them in a .wav file with subtype FLOAT",
    )


def _fitted(
    path: Path, x: Tensor, peak: float, over: int, subtype: str, clip_mode: str
) -> tuple[Tensor, float]:
    """Audio within full scale, and the gain that brought it there."""
    if clip_mode == "clamp":
        return x.clamp(-1, 1), 0.0
    if clip_mode == "rescale":
        return (x.double() / peak).to(x.dtype).clamp(-1, 1), -gain_to_db(peak)
    raise clips(path, over, peak, subtype)


def layout_for(layout: Layout | str | None, channels: int) -> Layout | None:
    """The speakers of so many channels; none where they are those of another number."""
    speakers = None if layout is None else as_layout(layout)
    return speakers if speakers is not None and len(speakers) == channels else None


def put_names(file: soundfile.SoundFile, format: str, tags: Tags | None) -> None:
    """Title, artist and so on, into those formats that take them only before the samples."""
    if format == "OGG" and tags:
        for name in BY_NAME:
            if name in tags.fields:
                setattr(file, name, tags.fields[name])


def _encoded(
    x: Tensor,
    sample_rate: int,
    format: str,
    subtype: str,
    dither: torch.Generator | None,
    layout: Layout | None,
    tags: Tags | None,
) -> io.BytesIO:
    """The content of the new file. Disks are full only for what writes it, which can tell."""
    data = interleaved(as_kept(x, format), subtype, dither)
    if format == "WAV" and data.size * bytes_each(subtype) > LARGEST_WAV:
        format = "RF64"
    format = with_mask(layout, format, subtype)
    file = io.BytesIO()
    if format == "WAV" and subtype in _AS_IN_MEMORY:
        # Quicker; and libsndfile would add the time of day to files of floats.
        scipy.io.wavfile.write(file, sample_rate, data)
        return file
    with soundfile.SoundFile(
        file, "w", sample_rate, data.shape[1], subtype, format=format
    ) as encoder:
        put_names(encoder, format, tags)
        encoder.write(data)
    if format in ("OGG", "AIFF", "WAVEX"):
        return io.BytesIO(without_chance(bytearray(file.getbuffer())))
    return file


def interleaved(x: Tensor, subtype: str, dither: torch.Generator | None) -> np.ndarray:
    """`(time, channels)`, as an encoder takes them."""
    if subtype in PCM_BITS:
        y = quantise(x, PCM_BITS[subtype], dither)
    else:
        y = x.to(FLOATS.get(subtype, x.dtype))
    return torch.stack(y.unbind(0), -1).numpy()
