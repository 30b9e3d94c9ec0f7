"""Audio that comes in blocks to a file: little of it is in memory at a time."""

import io
import itertools
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import soundfile
import torch
from torch import Tensor

from dasp._checks import check_choice
from dasp.audio_io.containers import without_chance
from dasp.audio_io.errors import finite_peak, peak_of
from dasp.audio_io.formats import FLOATS, bytes_each
from dasp.audio_io.layout_writing import as_kept, with_mask
from dasp.audio_io.tag_writing import finish
from dasp.audio_io.tags import Tags
from dasp.audio_io.writing import (
    CLIP_MODES,
    LARGEST_WAV,
    Saved,
    checked_target,
    clips,
    count_over,
    dither_source,
    interleaved,
    layout_for,
    put_names,
    telling_of,
    whole,
)
from dasp.layouts import Layout
from dasp.units import gain_to_db

NOISE_BLOCK = 2**16
"""Frames that are written together of audio in blocks, whatever length these have."""


def save_blocks(
    path: str | os.PathLike,
    blocks: Callable[[], Iterable[Tensor]],
    sample_rate: float,
    *,
    frames: int,
    subtype: str | None = None,
    overwrite: bool = False,
    clip_mode: str = "error",
    dither: int | None = None,
    layout: Layout | str | None = None,
    tags: Tags | None = None,
) -> Saved:
    """Write audio that comes in blocks to a file, with one block in memory at a time.

    Args:
        path: The new file; its folder exists.
        blocks: Returns the blocks `(channels, time)`. It is called once, and with "rescale" once
            more before, to find the peak.
        sample_rate: A whole number of Hz.
        frames: About how many samples there will be, which decides whether a WAV becomes RF64.
        subtype: How samples are stored, as for `save_audio`.
        overwrite: Whether an existing file may be replaced.
        clip_mode: "error", "clamp" or "rescale", as for `save_audio`.
        dither: Seed of the dither, whose noise is that of `dither_source` for the first samples
            that are not silent; None adds no noise.
        layout: The loudspeaker of each channel, as for `save_audio`.
        tags: What `read_tags` found in another file, as for `save_audio`.

    Returns:
        The subtype, the number of samples over full scale, the gain of "rescale", and notes.

    Raises:
        AudioFileError: If the samples or the file cannot be written, as for `save_audio`.
        ValueError: If `clip_mode` is unknown.

    >>> import tempfile
    >>> x = torch.zeros(2, 100)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saved = save_blocks(f"{folder}/a.wav", lambda: x.split(40, -1), 44_100, frames=100)
    >>> saved.subtype
    'PCM_24'
    """
    path = Path(path)
    check_choice("clip_mode", clip_mode, CLIP_MODES)
    chunks = _in_lengths(blocks(), NOISE_BLOCK)
    first = next(chunks)
    format, subtype = checked_target(path, len(first), sample_rate, subtype, overwrite)
    if format == "WAV" and len(first) * frames * bytes_each(subtype) > LARGEST_WAV:
        format = "RF64"
    gain = 1.0
    if clip_mode == "rescale" and subtype not in FLOATS:
        gain = 1 / max(1.0, *map(peak_of, itertools.chain([first], chunks)))
        chunks = _in_lengths(blocks(), NOISE_BLOCK)
    else:
        chunks = itertools.chain([first], chunks)
    speakers = layout_for(layout, len(first))
    with telling_of(path), whole(path) as unfinished:
        with _Disk(unfinished) as disk:
            its_format = with_mask(speakers, format, subtype)
            new = disk.encoder(sample_rate, len(first), its_format, subtype, tags)
            over, peak = _encode(path, chunks, disk, new, gain, subtype, dither)
        if over and clip_mode == "error":
            raise clips(path, over, peak, subtype)
        if subtype in FLOATS or format == "OGG":
            _forget_chance(unfinished)
        with unfinished.open("r+b") as file:
            notes = finish(file, format, int(sample_rate), tags, speakers)
    return Saved(subtype, over, gain_to_db(gain), notes)


class _Disk(io.FileIO):
    """A new file that an encoder writes to, which keeps the error of a full disk."""

    def __init__(self, path: Path):
        super().__init__(path, "w+")
        self._error: OSError | None = None

    @contextmanager
    def encoder(
        self,
        sample_rate: float,
        channels: int,
        format: str,
        subtype: str,
        tags: Tags | None,
    ) -> Iterator[soundfile.SoundFile]:
        """Open the encoder, which takes samples `(time, channels)`."""
        file = soundfile.SoundFile(self, "w", int(sample_rate), channels, subtype, format=format)
        try:
            with file:
                put_names(file, format, tags)
                yield file
        except AssertionError:  # Fewer were written.
            self.check()
            raise
        self.check()

    def write(self, data: Any, /) -> int:
        left = memoryview(data)
        try:
            while left:
                left = left[super().write(left) :]
        except OSError as error:  # Which cannot pass through the encoder.
            self._error = error
        return len(data) - len(left)

    def check(self) -> None:
        """Raise the error that was kept."""
        if self._error is not None:
            raise self._error


def _encode(
    path: Path,
    chunks: Iterable[Tensor],
    disk: _Disk,
    encoder: AbstractContextManager[soundfile.SoundFile],
    gain: float,
    subtype: str,
    dither: int | None,
) -> tuple[int, float]:
    """Write all blocks; return the samples over full scale before the gain, and the peak."""
    over, peak, start, noise = 0, 0.0, 0, None
    with encoder as file:
        for x in chunks:
            its_peak = finite_peak(path, x, file.samplerate, start)
            start += x.shape[-1]
            if subtype not in FLOATS:
                over, peak = over + (count_over(x) if its_peak > 1 else 0), max(peak, its_peak)
                x = (x if gain == 1 else (gain * x.double()).to(x.dtype)).clamp(-1, 1)
            if noise is None and dither is not None and x.any():
                noise = dither_source(dither, x)
            file.write(interleaved(as_kept(x, file.format), subtype, noise))
            disk.check()
    return over, peak


def _in_lengths(blocks: Iterable[Tensor], length: int) -> Iterator[Tensor]:
    """Cut audio on the CPU into blocks of one length, of which the last may be shorter."""
    held: list[Tensor] = []
    for block in blocks:
        held.append(block.detach().cpu().to(torch.promote_types(block.dtype, torch.float32)))
        if sum(x.shape[-1] for x in held) >= length:
            *blocks_now, rest = torch.cat(held, -1).split(length, -1)
            yield from blocks_now
            held = [rest]
    if held:
        yield torch.cat(held, -1)


def _forget_chance(path: Path) -> None:
    """Apply `without_chance` to a file on disk, with little of it in memory."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        without_chance(content)
