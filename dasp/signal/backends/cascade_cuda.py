"""A cascade of second-order sections on a GPU, and its adjoint.

Chunks of all rows run side by side, from states that are known once every chunk has run from
silence. That is the recursion, whatever the length: no response is cut off.
"""

import torch
from torch import Tensor

from dasp.signal.backends._cuda import chunks_of, launch

KEPT = 96
"""Signals between sections that a thread keeps for the adjoint: of so many samples as fit."""


def filtered(
    keep: bool, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
    x, sections, zi = (t.detach().contiguous() for t in (x, sections, zi))
    starts, y, state = _starts(x, sections, zi, False), torch.empty_like(x), torch.empty_like(zi)
    rows, time, chunks, length = _sizes(x)
    launch(
        "cascade.run", rows * chunks, x, sections, starts, y, state, rows, time, chunks, length,
        SECTIONS=sections.shape[1], LEARN=0, TILE=1,
    )  # fmt: skip
    return (y, state), (starts,) if keep else ()


def filtered_adjoint(
    grad: Tensor, zf_grad: Tensor, starts: Tensor, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    learn, n = sections.requires_grad, sections.shape[1]
    grad, zf_grad, x, sections = (t.detach().contiguous() for t in (grad, zf_grad, x, sections))
    ends = _starts(grad, sections, zf_grad, True)
    rows, time, chunks, length = _sizes(x)
    tile = max(8, KEPT // n)
    tiles = -(-length // tile)
    dx, first_state = torch.empty_like(x), torch.empty_like(zf_grad)
    edges = sections.new_empty(rows, chunks, tiles if learn else 0, 2 * n)
    d_sections = sections.new_empty(rows, chunks if learn else 0, n, 5)
    launch(
        "cascade.run_back", rows * chunks, grad, x, sections, starts, ends, edges, dx, first_state,
        d_sections, rows, time, chunks, length, tiles, SECTIONS=n, LEARN=int(learn), TILE=tile,
    )  # fmt: skip
    return dx, d_sections.sum(1), first_state


def _starts(x: Tensor, sections: Tensor, start: Tensor, adjoint: bool) -> Tensor:
    """The states that every chunk begins with, in the order of time that it runs in."""
    rows, time, chunks, length = _sizes(x)
    if chunks == 1:
        return start[:, None].clone()
    order = start.shape[-1]
    reached, change = start.new_empty(rows, chunks, order), start.new_empty(rows, order, order)
    constants = {"SECTIONS": sections.shape[1], "LEARN": 0, "TILE": 1}
    launch(
        "cascade.reach", rows * (chunks + order), x, sections, start, reached, change, rows, time,
        chunks, length, int(adjoint), **constants,
    )  # fmt: skip
    launch(
        "cascade.lead", rows, reached, change, start, start.new_empty(rows, 2 * order), rows,
        chunks, int(adjoint), together=64, **constants,
    )  # fmt: skip
    return reached


def _sizes(x: Tensor) -> tuple[int, int, int, int]:
    return *x.shape, *chunks_of(*x.shape)
