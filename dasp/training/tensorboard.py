"""Curves, sounds and pictures of consoles for TensorBoard, which is an extra."""

import io
import wave
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dasp.mixing.settings import Mix
from dasp.training.task import Preview


class Board:
    """Write events into a folder, which `tensorboard --logdir FOLDER` shows.

    Args:
        folder: The folder.
        draw: Makes a matplotlib figure of the settings of a console.

    Raises:
        ValueError: If tensorboard is not installed.
    """

    def __init__(self, folder: Path, draw: Callable[[Mix], Any] | None = None):
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise ValueError(
                "these logs need tensorboard, which is not installed: "
                "pip install 'dasp-audio[tensorboard]'"
            ) from error
        self._folder, self._draw, self._first_step = folder, draw, 0

    def after(self, step: int) -> None:
        """Hide what an earlier run wrote behind a step. To be called before all else.

        Args:
            step: Number of the step.
        """
        self._first_step = step + 1

    def numbers(self, step: int, **values: float) -> None:
        """Write a point of each curve.

        Args:
            step: Number of the step.
            **values: Numbers by the names of their curves.
        """
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def preview(self, step: int, preview: Preview) -> None:
        """Write a mix to hear, and its console to see.

        Args:
            step: Number of the step.
            preview: The mix.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary

        # SummaryWriter.add_audio is mono.
        audio = Summary.Audio(
            sample_rate=preview.sample_rate,
            num_channels=preview.audio.shape[0],
            length_frames=preview.audio.shape[1],
            encoded_audio_string=_wav(preview.audio, preview.sample_rate),
            content_type="audio/wav",
        )
        summary = Summary(value=[Summary.Value(tag="mix", audio=audio)])
        self._writer.file_writer.add_summary(summary, step)
        if preview.mix is not None and self._draw is not None:
            self._writer.add_figure("console", self._draw(preview.mix), step)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()

    @cached_property
    def _writer(self):
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self._folder), purge_step=self._first_step)


def _wav(x: Tensor, sample_rate: int) -> bytes:
    """16 bits, lowered to full scale where it is over."""
    x = x.detach().cpu().float()
    samples = (x / x.abs().max().clamp(min=1.0) * 32767).round().to(torch.int16)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(x.shape[0])
        out.setsampwidth(2)
        out.setframerate(sample_rate)
        out.writeframes(samples.T.contiguous().numpy().astype("<i2").tobytes())
    return file.getvalue()
