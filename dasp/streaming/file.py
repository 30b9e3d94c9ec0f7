"""From file to file, a segment at a time, in memory that does not grow with the length."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range
from dasp.audio_io import Saved, audio_info, load_blocks, save_blocks
from dasp.functional._processor import Processor, check_processor
from dasp.signal.resample import resample_blocks
from dasp.streaming.stream import Stream

SEGMENT_S = 5.0
"""Long enough that a segment costs little more than its share of the whole."""


def stream_file(
    source: str | os.PathLike,
    target: str | os.PathLike,
    processor: Processor,
    settings: Mapping[str, Any] | None = None,
    *,
    segment_s: float = SEGMENT_S,
    tail_s: float = 0.0,
    sample_rate: int | None = None,
    sidechains: Mapping[str, str | os.PathLike] | None = None,
    device: str = "cpu",
    **writing,
) -> Saved:
    """Process an audio file into another, a segment at a time.

    The memory does not depend on the length of the file. The samples are those of the whole file at
    once, but for the rounding of the type of the new file.

    Args:
        source: Any audio file.
        target: The new file; it appears when it is whole.
        processor: A processor that runs block by block.
        settings: Values by keyword; those that are left out have their declared defaults.
        segment_s: Length of the segments in s, above 0.
        tail_s: Silence added at the end in s, for what rings on, 0 or more; 0 is none.
        sample_rate: Of the new file in Hz, at which the processor runs; None keeps that of
            `source`.
        sidechains: Files by keyword for settings that are side chains, cut or completed with
            silence to the length of `source`.
        device: Where the processor runs.
        **writing: Keywords of `save_blocks`: `subtype`, `overwrite`, `clip_mode` and `dither`.

    Returns:
        What was written, as `save_blocks` returns it.

    Raises:
        ValueError: If `processor` is no `Processor` or does not run block by block, or `segment_s`
            is not above 0.
        AudioFileError: If `source` cannot be read, or `target` is there and `overwrite` is not
            given.

    >>> import tempfile
    >>> import torch
    >>> from dasp.audio_io import load_audio, save_audio
    >>> from dasp.processors.catalogue import GAIN
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save_audio(f"{folder}/in.wav", torch.full((1, 100), 0.5), 44_100, subtype="FLOAT")
    ...     _ = stream_file(f"{folder}/in.wav", f"{folder}/out.wav", GAIN, {"gain_db": -20.0})
    ...     y, _ = load_audio(f"{folder}/out.wav")
    >>> torch.allclose(y, torch.full((1, 100), 0.05), atol=1e-3)
    True
    """
    check_processor("processor", processor)
    check_range("segment_s", segment_s, above=0.0)
    info = audio_info(source)
    rate = info.sample_rate if sample_rate is None else sample_rate
    tail, beside = round(tail_s * rate), sidechains or {}

    def read(file: str | os.PathLike) -> Iterator[Tensor]:
        file_rate = audio_info(file).sample_rate
        frames = max(1, round(segment_s * file_rate))
        blocks = load_blocks(file, frames, dtype=info.dtype)
        return (block.to(device) for block in resample_blocks(blocks, file_rate, rate))

    def processed() -> Iterator[Tensor]:
        stream = Stream(processor, rate, **(settings or {}))
        blocks, *copies = itertools.tee(_with_tail(read(source), tail, rate), 1 + len(beside))
        moving = {
            name: _beside(copy, read(file))
            for copy, (name, file) in zip(copies, beside.items(), strict=True)
        }
        return stream.aligned(blocks, **moving)

    with torch.inference_mode():
        frames = round(info.duration_s * rate) + tail
        return save_blocks(target, processed, rate, frames=frames, **writing)


def _with_tail(blocks: Iterable[Tensor], tail: int, longest: int) -> Iterator[Tensor]:
    """The blocks, and behind them silence in blocks that are not too long."""
    for block in blocks:
        yield block
    while tail:
        now = min(tail, longest)
        yield nnf.pad(block[..., :0], (0, now))
        tail -= now


def _beside(blocks: Iterable[Tensor], others: Iterator[Tensor]) -> Iterator[Tensor]:
    """The `others` in blocks as long as those of `blocks`, and silence when they have ended."""
    held = next(others)
    for block in blocks:
        time = block.shape[-1]
        while held.shape[-1] < time and (more := next(others, None)) is not None:
            held = torch.cat((held, more), -1)
        yield nnf.pad(held[..., :time], (0, max(0, time - held.shape[-1])))
        held = held[..., time:]
