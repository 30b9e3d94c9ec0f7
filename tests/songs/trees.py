"""Small files to make trees of data sets from."""

import torch

from dasp.audio_io import save_audio


def write(path, *, frames=400, rate=44_100, channels=1, subtype="FLOAT", silent=False):
    """A file of noise, or of silence, and its folders; returns the samples."""
    path.parent.mkdir(parents=True, exist_ok=True)
    x = torch.zeros(channels, frames) if silent else 0.2 * torch.rand(channels, frames) - 0.1
    save_audio(path, x, rate, subtype=subtype)
    return x
