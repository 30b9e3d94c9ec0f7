"""Where in a song to listen: the stretch, or the pieces, in which most plays."""

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_audio, check_range


def busiest_stretch(
    x: Tensor, length: int, *, hop: int | None = None, enough: float = 1.0
) -> slice:
    """Choose the stretch of a song in which most of its tracks have most of their energy.

    A track counts by the square root of the share of its energy that lies in the stretch, so that
    neither a loud track decides alone nor one that plays nowhere else. Of one track, the stretch
    with most energy is chosen. Not differentiable; reads the result back from a device.

    Args:
        x: Audio `(*tracks, channels, time)`.
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
    check_audio(x)
    check_range("length", length, low=1)
    check_range("enough", enough, low=0.0, high=1.0)
    hop = max(1, length // 8) if hop is None else hop
    check_range("hop", hop, low=1)
    if length >= x.shape[-1]:
        return slice(0, x.shape[-1])
    total = nnf.pad(x.double().square().sum(-2).cumsum(-1), (1, 0))
    inside = (total[..., length::hop] - total[..., :-length:hop]).clamp(min=0)
    share = inside / total[..., -1:].clamp(min=torch.finfo(total.dtype).tiny)
    busy = share.sqrt().reshape(-1, share.shape[-1]).sum(0)
    start = int((busy >= enough * busy.amax()).nonzero()[0]) * hop
    return slice(start, start + length)


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
