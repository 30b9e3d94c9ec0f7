"""What is wrong with a file, or with samples that are to become one."""

import os
from pathlib import Path

import torch
from torch import Tensor


class AudioFileError(ValueError):
    """A file that cannot be read or written as audio: its `path`, and the `reason`."""

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class AudioFileWarning(UserWarning):
    """What was left out of a file, or lost of it, as the message says."""


def finite_peak(path: str | os.PathLike, x: Tensor, sample_rate: float, start: int = 0) -> float:
    """The largest magnitude.

    Refuses NaN and infinity by their place; `start` samples of the file were before `x`.
    """
    if (peak := peak_of(x)) < float("inf"):
        return peak
    frame, channel = (int(i) for i in (~torch.isfinite(x)).T.nonzero()[0])
    value, frame = x[channel, frame].item(), start + frame
    raise AudioFileError(
        path,
        f"holds {value} at sample {frame} ({frame / sample_rate:.3f} s) of channel {channel + 1}",
    )


def peak_of(x: Tensor) -> float:
    """The largest magnitude; not a number where a sample is none."""
    if x.numel() == 0:
        return 0.0
    low, high = torch.aminmax(x)
    return max(-low.item(), high.item())
