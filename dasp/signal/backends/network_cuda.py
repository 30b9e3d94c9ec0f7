"""A feedback delay network on a GPU, and its adjoint: a block of threads a row.

Stands in for `_network` of `dasp.functional.feedback_delay_network`, where its meaning is told.
"""

import math
from typing import Any

import torch
from torch import Tensor

from dasp.signal.backends._cuda import launch

TILE = 256


def network(
    keep: bool, x: Tensor, sections: Tensor, level: Tensor, lengths: tuple[int, ...],
    written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[Tensor, tuple[Tensor, ...]]:  # fmt: skip
    """Keeps what is written into the lines, and the states of the filters before every tile."""
    rows, lines, n = sections.shape[:3]
    size = max(lengths) + x.shape[-1] if keep else _ring(lengths)
    memory = x.new_zeros(rows, lines, size)
    states = sections.new_zeros(rows, lines, 2 * n)
    y, edges = _run(keep, x, sections, level, memory, states, lengths, written, heard)
    return y, (y, memory, edges) if keep else ()


def network_between(
    keep: bool, x: Tensor, sections: Tensor, level: Tensor, before: Tensor, states: Tensor,
    lengths: tuple[int, ...], written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[tuple[Tensor, Tensor, Tensor], tuple]:  # fmt: skip
    """Has no adjoint."""
    past = before.shape[-1]
    memory = x.new_zeros(*before.shape[:2], past + x.shape[-1])
    memory[..., :past] = before
    states = states.detach().clone(memory_format=torch.contiguous_format)
    y, _ = _run(False, x, sections, level, memory, states, lengths, written, heard)
    return (y, memory[..., x.shape[-1] :].clone(), states), ()


def network_adjoint(
    grad: Tensor, y: Tensor, memory: Tensor, edges: Tensor, x: Tensor, sections: Tensor,
    level: Tensor, lengths: tuple[int, ...], written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    rows, channels, time = x.shape
    lines, n = sections.shape[1:3]
    tile, ring = _tile(lengths), _ring(lengths)
    grad, sections = grad.contiguous(), sections.detach().contiguous()
    later = sections.new_zeros(rows, lines, ring)
    work, signals = (sections.new_empty(rows, lines, tile, k) for k in (1, 3 * n))
    adjoints, d_sections = sections.new_zeros(rows, lines, 2 * n), torch.zeros_like(sections)
    dx = torch.empty_like(grad)
    launch(
        "network.run_back", rows, grad, sections, level.detach().double(), memory, edges, later,
        work, signals, adjoints, dx, d_sections, rows, channels, time, memory.shape[-1], ring,
        max(lengths), tile, edges.shape[1], *written, *heard, 1 / math.sqrt(lines),
        together=TILE, **_constants(lengths, n),
    )  # fmt: skip
    return dx, d_sections, (grad * y).sum((-2, -1)) / level


def _run(
    keep: bool, x: Tensor, sections: Tensor, level: Tensor, memory: Tensor, states: Tensor,
    lengths: tuple[int, ...], written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The output, and the states before every tile where they are to be kept."""
    x, sections = x.detach().contiguous(), sections.detach().contiguous()
    rows, channels, time = x.shape
    lines, n = sections.shape[1:3]
    tile, size = _tile(lengths), memory.shape[-1]
    mask = -1 if size >= max(lengths) + time else size - 1
    tiles = -(-time // tile)
    edges = sections.new_empty(rows, tiles if keep else 0, lines, 2 * n)
    y = torch.empty_like(x)
    launch(
        "network.run", rows, x, sections, level.detach().double(), memory, states, edges,
        sections.new_empty(rows, lines, tile), y, rows, channels, time, size, mask, max(lengths),
        tile, tiles, *written, *heard, 1 / math.sqrt(lines), int(keep),
        together=TILE, **_constants(lengths, n),
    )  # fmt: skip
    return y, edges


def _tile(lengths: tuple[int, ...]) -> int:
    return min(TILE, min(lengths))


def _ring(lengths: tuple[int, ...]) -> int:
    """So many samples that the longest line and a tile fit, a power of 2."""
    return 1 << (max(lengths) + TILE - 1).bit_length()


def _constants(lengths: tuple[int, ...], sections: int) -> dict[str, Any]:
    return {"LINES": len(lengths), "SECTIONS": sections, "LENGTHS": ", ".join(map(str, lengths))}
