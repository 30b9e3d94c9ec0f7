"""How well settings are found again on other music: nearest neighbours among embeddings."""

from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_range


class Retrieval(NamedTuple):
    """How often the right setting is found, from 0 to 1.

    Args:
        nearest: The setting of the nearest recording of any other piece is the right one.
        first: Of the recordings of one other piece the nearest has the right setting.
        first_five: It is among the five nearest of that piece.
    """

    nearest: float
    first: float
    first_five: float


def retrieval(vectors: Tensor) -> Retrieval:
    """Find the setting of every recording by recordings of other pieces, all in all settings.

    By chance, `nearest` and `first` are 1 / settings and `first_five` 5 / settings.

    Args:
        vectors: What is known of each recording, `(pieces, settings, size)`; the distance is
            Euclidean.

    Returns:
        Shares, means over all recordings, and for `first` over all other pieces too.

    Raises:
        ValueError: If there are fewer than two pieces or settings.

    >>> retrieval(torch.eye(6).expand(3, -1, -1))
    Retrieval(nearest=1.0, first=1.0, first_five=1.0)
    """
    pieces, settings = vectors.shape[:2]
    check_range("pieces", pieces, low=2)
    check_range("settings", settings, low=2)
    flat = vectors.flatten(0, 1).double()
    distances = torch.cdist(flat, flat).reshape(pieces, settings, pieces, settings)
    same = torch.eye(pieces, dtype=torch.bool)[:, None, :, None]
    others = distances.masked_fill(same, torch.inf).flatten(2)
    found = others.argmin(-1) % settings
    # How many settings of a piece are nearer than the right one.
    right = distances.diagonal(dim1=1, dim2=3)[..., None].permute(0, 2, 1, 3)
    nearer = (distances < right).sum(-1)
    across = ~torch.eye(pieces, dtype=torch.bool)[:, None, :].expand_as(nearer)
    rank = nearer[across].double()
    return Retrieval(
        (found == torch.arange(settings)).double().mean().item(),
        (rank < 1).double().mean().item(),
        (rank < 5).double().mean().item(),
    )
