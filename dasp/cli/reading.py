"""What the commands that read audio share: another rate, and files that are cut off."""

import argparse
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor

from dasp.audio_io import AudioFileWarning, allowing_truncated, load_audio
from dasp.signal.resample import resample


def load_at(path: Path, sample_rate: int) -> Tensor:
    """The audio of a file at a rate."""
    audio, own = load_audio(path)
    return audio if own == sample_rate else resample(audio, own, sample_rate)


def add_truncated_option(parser: argparse.ArgumentParser) -> None:
    """`--allow-truncated`."""
    parser.add_argument(
        "--allow-truncated", action="store_true",
        help="read what is there of files that are cut off or damaged, and say how much is "
        "missing (default: they are refused)",
    )  # fmt: skip
    parser.set_defaults(reading=reading)


@contextmanager
def reading(allow_truncated: bool) -> Iterator[None]:
    """Whatever is read meanwhile may be cut off, if that is allowed; a note says what was lost."""
    with warnings.catch_warnings(), allowing_truncated(allow_truncated):
        show = warnings.showwarning

        def note(message, category, *more, **other) -> None:
            if issubclass(category, AudioFileWarning):
                print(f"note: {message}", file=sys.stderr)
            else:
                show(message, category, *more, **other)

        warnings.showwarning = note
        warnings.filterwarnings("once", category=AudioFileWarning)
        yield
