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
import soundfile
import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, checked_sample_rate
from dasp.audio_io.containers import without_chance
from dasp.audio_io.errors import AudioFileError, finite_peak
from dasp.audio_io.formats import FLOATS, MOST_CHANNELS, PCM_BITS, bytes_each, format_of
from dasp.audio_io.layout_writing import as_kept, with_mask
from dasp.audio_io.linear import wav_of
from dasp.audio_io.tag_writing import BY_NAME, finish
from dasp.audio_io.tags import Tags
from dasp.file_names import as_path, within_longer_name
from dasp.layouts import Layout, as_layout
from dasp.signal.quantise import quantise
from dasp.units import gain_to_db

_AS_IN_MEMORY = {"PCM_16", "PCM_24", "PCM_32", *FLOATS}
"""Subtypes whose samples stand in a WAV as they stand in an array, or as their upper bytes do."""

LARGEST_WAV = 2**32 - 1024
"""Bytes of samples that 32 bits can count beside the head; more become RF64."""

CLIP_MODES = ("error", "clamp", "rescale")
"""What is done with samples over full scale, where a format would clip them."""

UNFINISHED = ".part"
"""How the names end of files that are not finished, and whose writer may have died."""


@dataclass(frozen=True)
class Saved:
    """Report on a written file.

    Args:
        subtype: How samples are stored.
        over: Number of samples over full scale, which would have clipped.
        gain_db: Gain in dB that brought them back to full scale; 0 where there was none.
        notes: What of the layout and the tags the format cannot hold.

    >>> Saved("PCM_24", over=0, gain_db=0.0).notes
    ()
    """

    subtype: str
    over: int
    gain_db: float
    notes: tuple[str, ...] = ()


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
    """Write audio to a file, in the format that its name ends in.

    The same samples give the same file to the last bit. The file appears only when it is whole.
    Formats of integers round to the nearest step, and their largest step stands for 1; "FLOAT"
    and "DOUBLE" keep samples as they are, also beyond 1. A WAV over 4 GiB is written as RF64.

    Args:
        path: The new file; its folder exists.
        x: Audio `(channels, time)` in [-1, 1], or any finite audio with a floating-point subtype.
            Channels are in the order of `dasp.layouts.SPEAKERS`; formats with another order, such
            as Ogg, are written in theirs.
        sample_rate: A whole number of Hz.
        subtype: How samples are stored, such as "PCM_16" or "FLOAT"; by default "PCM_24" where
            the format has it.
        overwrite: Whether an existing file may be replaced.
        clip_mode: Treatment of samples over full scale where the format would clip them: "error"
            writes nothing, "clamp" clips them, "rescale" lowers the whole file until its peak is 1.
        dither: Generator on the CPU of triangular noise, two steps wide, that is added before the
            rounding to integers. Audio that lies on the steps already stays so.
        layout: The loudspeaker of each channel, as `dasp.layouts.as_layout` takes it, which the
            file tells where its format can. A layout of another number of channels is left out.
        tags: What `read_tags` found in another file; the notes of the result name what the format
            cannot hold.

    Returns:
        The subtype, the number of samples over full scale, the gain of "rescale", and notes.

    Raises:
        AudioFileError: If `x` holds NaN or infinity, or samples over full scale with "error"; if
            the format, the rate or the number of channels cannot be written; if the file exists.
        ValueError: If `x` has another shape, or `clip_mode` is unknown.

    >>> import tempfile
    >>> x = torch.full((1, 8), 2.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = save_audio(f"{folder}/a.wav", x, 48_000, clip_mode="clamp")
    >>> saved.subtype, saved.over
    ('PCM_24', 8)
    """
    path = as_path(path)
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
    """Make the generator of the dither of one signal from a seed and the signal itself.

    The noise is the same for the same samples and seed, and another for other samples: a file
    does not depend on its name, and the noises of tracks that are summed are unrelated.

    Args:
        seed: A whole number.
        x: Audio `(channels, time)`.

    Returns:
        A generator on the CPU.

    >>> x = torch.ones(1, 8)
    >>> a, b = (torch.rand(4, generator=dither_source(7, x)) for _ in range(2))
    >>> torch.equal(a, b)
    True
    """
    samples = zlib.crc32(x.detach().cpu().float().contiguous().numpy().data)
    digest = hashlib.sha256(f"{seed}:{samples}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Write a file under another name, and rename it when it is complete.

    A link stays, and the file that it leads to is replaced; a file that is replaced passes on its
    permissions. After an error the unfinished file is removed.

    Args:
        path: The new file.

    Yields:
        The name to write to, in the same folder.

    Raises:
        OSError: If the file cannot be renamed; errors of the `with` statement pass through.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder, "notes.txt")) as unfinished:
    ...         _ = unfinished.write_text("complete")
    ...     Path(folder, "notes.txt").read_text()
    'complete'
    """
    path = Path(os.path.realpath(path)) if os.path.islink(path) else path
    stem = within_longer_name(path.name)
    unfinished = path.with_name(f".{stem}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        yield unfinished
        if os.path.isfile(path):
            shutil.copymode(path, unfinished)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def checked_target(
    path: Path, channels: int, sample_rate: float, subtype: str | None, overwrite: bool
) -> tuple[str, str]:
    """Check that a file can be written, and choose its format.

    Args:
        path: The new file.
        channels: Number of channels.
        sample_rate: In Hz.
        subtype: How samples are stored, or None.
        overwrite: Whether an existing file may be replaced.

    Returns:
        The format and the subtype, as libsndfile names them.

    Raises:
        AudioFileError: If the format, the rate or the number of channels cannot be written, the
            file exists, or its folder does not.
    """
    sample_rate = checked_sample_rate(sample_rate)
    if sample_rate != int(sample_rate):
        raise AudioFileError(path, f"files need a whole sample rate, got {sample_rate} Hz")
    format, subtype = format_of(path, subtype)
    most = MOST_CHANNELS.get(format, 1024)
    if channels > most:
        raise AudioFileError(path, f"{format} holds {most} channels, got {channels}")
    if os.path.exists(path) and not overwrite:
        raise AudioFileError(path, "exists already; pass overwrite=True to replace it")
    if not os.path.isdir(path.parent):
        raise AudioFileError(path, f"the folder {path.parent} does not exist")
    return format, subtype


@contextmanager
def telling_of(path: Path) -> Iterator[None]:
    """Turn errors of the encoder and of the disk into errors that name the file.

    Args:
        path: The file.

    Yields:
        Nothing.

    Raises:
        AudioFileError: If the file cannot be written.
    """
    try:
        yield
    except soundfile.LibsndfileError as error:
        raise AudioFileError(path, f"cannot be written ({error.error_string})") from error
    except OSError as error:
        raise AudioFileError(path, f"cannot be written ({error.strerror})") from error


def count_over(x: Tensor) -> int:
    """Count the samples over full scale.

    Args:
        x: Audio of any shape.

    Returns:
        Number of samples whose magnitude is above 1.
    """
    return int((x.abs() > 1).sum())


def clips(path: Path, over: int, peak: float, subtype: str) -> AudioFileError:
    """Make the error for samples that a subtype would clip.

    Args:
        path: The file.
        over: Number of samples over full scale.
        peak: The largest magnitude.
        subtype: How samples are stored.

    Returns:
        The error.
    """
    excess_db = max(gain_to_db(peak), 0.01)
    return AudioFileError(
        path,
        f"{over} samples are over full scale, by up to {excess_db:.2f} dB, and {subtype} would "
        f"clip them; lower the level, or keep them in a .wav file with subtype FLOAT",
    )


def _fitted(
    path: Path, x: Tensor, peak: float, over: int, subtype: str, clip_mode: str
) -> tuple[Tensor, float]:
    """Bring audio within full scale, and return the gain."""
    if clip_mode == "clamp":
        return x.clamp(-1, 1), 0.0
    if clip_mode == "rescale":
        return (x.double() / peak).to(x.dtype).clamp(-1, 1), -gain_to_db(peak)
    raise clips(path, over, peak, subtype)


def layout_for(layout: Layout | str | None, channels: int) -> Layout | None:
    """Return a layout if it has a given number of channels.

    Args:
        layout: The loudspeaker of each channel, as `dasp.layouts.as_layout` takes it, or None.
        channels: Number of channels.

    Returns:
        The layout; None if it has another number of channels.
    """
    speakers = None if layout is None else as_layout(layout)
    return speakers if speakers is not None and len(speakers) == channels else None


def put_names(file: soundfile.SoundFile, format: str, tags: Tags | None) -> None:
    """Write title, artist and so on into formats that take them only before the samples.

    Args:
        file: The encoder.
        format: Format as libsndfile names it.
        tags: Tags of the file, or None.
    """
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
    """Encode a new file in memory: a full disk is then met only where the file is written."""
    data = interleaved(as_kept(x, format), subtype, dither)
    if format == "WAV" and data.size * bytes_each(subtype) > LARGEST_WAV:
        format = "RF64"
    format = with_mask(layout, format, subtype)
    if format == "WAV" and subtype in _AS_IN_MEMORY:
        # Quicker; and libsndfile would add the time of day to files of floats.
        return io.BytesIO(wav_of(data, sample_rate, bytes_each(subtype)))
    file = io.BytesIO()
    with soundfile.SoundFile(
        file, "w", sample_rate, data.shape[1], subtype, format=format
    ) as encoder:
        put_names(encoder, format, tags)
        encoder.write(data)
    if format in ("OGG", "AIFF", "WAVEX"):
        return io.BytesIO(without_chance(bytearray(file.getbuffer())))
    return file


def interleaved(x: Tensor, subtype: str, dither: torch.Generator | None) -> np.ndarray:
    """Convert audio to the array that an encoder takes.

    Args:
        x: Audio `(channels, time)`.
        subtype: How samples are stored; integers are rounded here.
        dither: Generator of the dither, or None.

    Returns:
        Array `(time, channels)`.
    """
    if subtype in PCM_BITS:
        y = quantise(x, PCM_BITS[subtype], dither)
    else:
        y = x.to(FLOATS.get(subtype, x.dtype))
    channels = y.numpy()
    frames = np.empty(channels.shape[::-1], channels.dtype)
    for i, channel in enumerate(channels):
        frames[:, i] = channel
    return frames
