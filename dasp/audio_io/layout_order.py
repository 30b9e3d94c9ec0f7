"""In which order a format keeps the channels, where it is not the one that they come in."""

import torch
from torch import Tensor

from dasp.audio_io.layout_heads import VORBIS
from dasp.layouts import in_order


def as_kept(x: Tensor, format: str) -> Tensor:
    """Channels in the order of `dasp.layouts.SPEAKERS`, in that of a format."""
    if format != "OGG" or len(x) not in VORBIS:
        return x
    return x[torch.tensor(in_order(VORBIS[len(x)])).argsort()]
