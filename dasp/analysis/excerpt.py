"""Where in a song to listen: the stretch, or the pieces, in which most plays."""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_audio, check_range
from dasp.analysis.energy import block_energies


def busiest_stretch(
    x: Tensor | Iterable[Tensor], length: int, *, hop: int | None = None, enough: float = 1.0
) -> slice:
    """Choose the stretch of a song in which most of its tracks have most of their energy.

    A track counts by the square root of the share of its energy that lies in the stretch, so that
    neither a loud track decides alone nor one that plays nowhere else. Of one track, the stretch
    with most energy is chosen. Not differentiable; reads the result back from a device.

    Args:
        x: Audio `(*tracks, channels, time)`, or that of one track after the other, of one length.
        length: Length of the stretch in samples, 1 or more.
        hop: Distance of the places in samples where it may begin, 1 or more; by default an eighth
            of its length.
        enough: The first stretch is chosen that counts at least this share of the best one, in
            [0, 1].

    Returns:
        The samples of the stretch; all of them where there are no more than `length`.

    Raises:
        ValueError: If `x` is not audio, or a value is outside its range.

    >>> x = torch.tensor([[0.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
    >>> busiest_stretch(x, 2)
    slice(2, 4, None)
    """
    check_range("length", length, low=1)
    check_range("enough", enough, low=0.0, high=1.0)
    hop = max(1, length // 8) if hop is None else hop
    check_range("hop", hop, low=1)
    shares = []
    for audio in [x] if isinstance(x, Tensor) else x:
        check_audio(audio)
        if length >= audio.shape[-1]:
            return slice(0, audio.shape[-1])
        shares += [_share_inside(one, length, hop) for one in audio[None].flatten(0, -3)]
    busy = torch.stack(shares).sqrt().sum(0)
    start = int((busy >= enough * busy.amax()).nonzero()[0]) * hop
    return slice(start, start + length)


def _share_inside(x: Tensor, length: int, hop: int) -> Tensor:
    """The share of the energy of a track `(channels, time)` in each stretch of a length."""
    step = math.gcd(length, hop)  # the edges of all stretches are edges of such blocks
    blocks = block_energies(x, step).sum(-2)
    total = nnf.pad(blocks.cumsum(-1), (1, 0))
    edges = total[: x.shape[-1] // step + 1]
    inside = edges[length // step :: hop // step] - edges[: -(length // step) : hop // step]
    return inside.clamp(min=0) / total[-1].clamp(min=torch.finfo(total.dtype).tiny)


def busiest_pieces(activity: Tensor, count: int) -> Tensor:
    """Choose the pieces of a song with the largest activity.

    Args:
        activity: How much plays in each piece, in any unit, `(pieces,)`.
        count: Number of pieces to choose.

    Returns:
        Numbers of the chosen pieces in the order of time, `(count,)` or all that there are; of
        pieces that are equally active, the first.

    >>> busiest_pieces(torch.tensor([0, 3, 1, 3, 3]), 2)
    tensor([1, 3])
    """
    return activity.sort(descending=True, stable=True).indices[:count].sort().values
