"""What is wrong with a file, or with samples that are to become one."""

import os
from pathlib import Path

import torch
from torch import Tensor


class AudioFileError(ValueError):
    """A file that cannot be read or written as audio.

    Args:
        path: The file.
        reason: What is wrong with the file, which the message says after the name.

    >>> AudioFileError("kick.wav", "is empty").reason
    'is empty'
    """

    def __init__(self, path: str | os.PathLike, reason: str):
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class AudioFileWarning(UserWarning):
    """Part of a file was left out or lost, as the message says.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as warned:
    ...     warnings.warn("kick.wav: 0.100 s are missing", AudioFileWarning, stacklevel=1)
    >>> issubclass(warned[0].category, UserWarning)
    True
    """


def finite_peak(path: str | os.PathLike, x: Tensor, sample_rate: float, start: int = 0) -> float:
    """Measure the largest magnitude of samples, and refuse NaN and infinity.

    Args:
        path: The file of the samples, for the message.
        x: Audio `(channels, time)`.
        sample_rate: In Hz, for the time in the message.
        start: Number of samples of the file before `x`.

    Returns:
        The largest magnitude; 0 without samples.

    Raises:
        AudioFileError: If a sample is NaN or infinite; the message names its place.
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
    """Measure the largest magnitude of samples.

    Args:
        x: Audio of any shape, on the CPU.

    Returns:
        The largest magnitude; 0 without samples, NaN where a sample is NaN.
    """
    if x.numel() == 0:
        return 0.0
    values = x.detach().numpy()  # whose extremes are found in half the time of torch's
    return max(-float(values.min()), float(values.max()))
