"""A cascade of second-order sections in compiled loops, and its adjoint.

Eight signals at a time are the lanes of a vector: eight rows, or, of a row alone, eight tiles that
follow each other. Such tiles have to know the states they start in, so they run once from
silence before; what a tile makes of a state then leads from each start to the next.

Of the forward run the adjoint keeps the states at the edges of tiles; what was between the
sections within a tile is computed once more.
"""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._rows import fresh, over_rows
from dasp.signal.backends._sections_numba import (
    BACK_S,
    GRAD,
    LANES,
    SECTION,
    SIGNAL,
    SILENCE,
    STEP,
    S,
    add_gradients,
    backwards,
    forwards,
    get_states,
    hush,
    keep_states,
    loop,
    return_states,
    set_sections,
    set_states,
)

TILE = 256
"""Samples from one kept state to the next."""

FEW = 4
"""Rows that are quicker one after the other, in tiles."""


def filtered(
    keep: bool, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
    y = fresh(x)
    state = zi.clone(memory_format=torch.contiguous_format)
    edges = zi.new_empty(len(x), -(-x.shape[1] // TILE), zi.shape[1])  # states before every tile
    over_rows(_filter, x, sections, y, state, edges)
    return (y, state), (edges if keep and sections.requires_grad else edges[:, :0].clone(),)


def filtered_adjoint(
    grad: Tensor, zf_grad: Tensor, edges: Tensor, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    dx = fresh(x)
    state = zf_grad.clone(memory_format=torch.contiguous_format)
    d_sections = torch.zeros_like(sections, memory_format=torch.contiguous_format)
    over_rows(_filter_back, grad, x, sections, edges, dx, state, d_sections)
    return dx, d_sections, state


# -- rows, and the lanes they are put on ----------------------------------------------------


@loop
def _filter(x, sections, y, state, edges):
    rows, time = x.shape
    n = sections.shape[1]
    w = np.zeros((n + 1) * SECTION)
    for first in range(0, rows, LANES):
        some = slice(first, min(first + LANES, rows))
        done = _in_tiles(rows - first, time)
        if done:
            for row in range(first, rows):
                own = sections[row : row + 1]
                _filter_tiles(x[row, :done], own, y[row], state[row], edges[row], w)
        _filter_rows(x[some], sections[some], y[some], state[some], edges[some], done, w)


@loop
def _filter_back(grad, x, sections, edges, dx, state, d_sections):
    rows, time = x.shape
    n = sections.shape[1]
    w, steps = np.zeros((n + 1) * SECTION), np.empty((TILE // STEP, 2 * n * LANES))
    for first in range(0, rows, LANES):
        some = slice(first, min(first + LANES, rows))
        done = _in_tiles(rows - first, time)
        _filter_rows_back(
            grad[some], x[some], sections[some], edges[some],
            dx[some], state[some], d_sections[some], done, w, steps,
        )  # fmt: skip
        if done:
            for row in range(first, rows):
                own = slice(row, row + 1)
                _filter_tiles_back(
                    grad[row], x[row, :done], sections[own], edges[row],
                    dx[row], state[row], d_sections[own], w, steps,
                )  # fmt: skip


@loop
def _in_tiles(rows, time):
    """How many samples of the last rows, where they are few, to filter in tiles."""
    return time - time % (LANES * TILE) if rows <= FEW else 0


@loop
def _filter_rows(x, sections, y, state, edges, start, w):
    """Rows as lanes, from the sample `start` on."""
    rows, time = x.shape
    n = sections.shape[1]
    set_sections(sections, w)
    set_states(state, w[S:])
    for at in range(start, time, TILE):
        get_states(w[S:], edges[:, at // TILE])
        _tile(x.ravel(), at, time, rows, min(TILE, time - at), w, n, y.ravel())
        hush(w[S:], n)
    get_states(w[S:], state)


@loop
def _filter_rows_back(grad, x, sections, edges, dx, state, d_sections, start, w, steps):
    rows, time = x.shape
    n = sections.shape[1]
    set_sections(sections, w)
    set_states(state, w[BACK_S:])
    for at in range(start + (time - 1 - start) // TILE * TILE, start - 1, -TILE):
        if edges.shape[1]:
            set_states(edges[:, at // TILE], w[S:])
        _tile_back(
            grad.ravel(), x.ravel(), at, time, rows, min(TILE, time - at), w, n, dx.ravel(),
            edges.shape[1] > 0, steps,
        )  # fmt: skip
        hush(w[BACK_S:], n)
    get_states(w[BACK_S:], state)
    add_gradients(w, d_sections)


@loop
def _filter_tiles(x, sections, y, state, edges, w):
    """Tiles of one row as lanes."""
    n, time = sections.shape[1], min(TILE, len(x))
    change, nothing = _change(sections, w), np.zeros((LANES, 2 * n))
    reached = nothing.copy()
    for at in range(0, len(x), LANES * TILE):
        starts = edges[at // TILE : at // TILE + LANES]
        set_states(nothing, w[S:])
        _tile(x, at, time, len(starts), time, w, n, y)
        get_states(w[S:], reached)
        for k in range(LANES):
            _pass_on(state, change, reached[k], starts[k])
        set_states(starts, w[S:])
        _tile(x, at, time, len(starts), time, w, n, y)


@loop
def _filter_tiles_back(grad, x, sections, edges, dx, state, d_sections, w, steps):
    n, time = sections.shape[1], min(TILE, len(x))
    change, nothing = _change(sections, w).T.copy(), np.zeros((LANES, 2 * n))
    reached, ends, learn = nothing.copy(), nothing.copy(), len(edges) > 0
    for at in range(len(x) - LANES * TILE, -1, -LANES * TILE):
        set_states(nothing, w[BACK_S:])
        _tile_back(grad, x, at, time, len(ends), time, w, n, dx, False, steps)
        get_states(w[BACK_S:], reached)
        for k in range(LANES - 1, -1, -1):
            _pass_on(state, change, reached[k], ends[k])
        set_states(ends, w[BACK_S:])
        if learn:
            set_states(edges[at // TILE : at // TILE + LANES], w[S:])
        _tile_back(grad, x, at, time, len(ends), time, w, n, dx, learn, steps)
    add_gradients(w, d_sections)


@loop
def _change(sections, w):
    """The matrix by which a tile of silence changes the states; leaves the sections in w."""
    n = sections.shape[1]
    change = np.zeros((2 * n, 2 * n))
    for i in range(2 * n):
        change[i, i] = 1
    set_sections(sections, w)
    for first in range(0, 2 * n, LANES):
        units = change[first : first + LANES]
        set_states(units, w[S:])
        for at in range(0, TILE, STEP):
            forwards(w, n, min(STEP, TILE - at), False)
        get_states(w[S:], units)
    return change.T.copy()


@loop
def _pass_on(state, change, reached, before):
    """before <- state, state <- change state + reached."""
    for i in range(len(state)):
        before[i] = state[i]
    for i in range(len(state)):
        now = reached[i]
        for j in range(len(state)):
            now += change[i, j] * before[j]
        state[i] = 0.0 if abs(now) < SILENCE else now


# -- one tile of every lane -----------------------------------------------------------------
#
# In a signal, every lane is `stride` samples after the one before.


@loop
def _tile(x, at, stride, lanes, time, w, n, y):
    for m in range(at, at + time, STEP):
        count = min(STEP, at + time - m)
        _read(x, m, stride, lanes, count, w[SIGNAL:])
        forwards(w, n, count, False)
        _write(w[n * SECTION + SIGNAL :], m, stride, lanes, count, y)


@loop
def _tile_back(grad, x, at, stride, lanes, time, w, n, dx, learn, steps):
    """`learn` the gradients of the sections too, from the states at the start of the tile."""
    if learn:
        for m in range(at, at + time, STEP):
            count = min(STEP, at + time - m)
            keep_states(w, steps[(m - at) // STEP])
            _read(x, m, stride, lanes, count, w[SIGNAL:])
            forwards(w, n, count, False)
    for m in range(at + (time - 1) // STEP * STEP, at - 1, -STEP):
        count = min(STEP, at + time - m)
        if learn:
            return_states(steps[(m - at) // STEP], w)
            _read(x, m, stride, lanes, count, w[SIGNAL:])
            forwards(w, n, count, True)
        _read(grad, m, stride, lanes, count, w[n * SECTION + GRAD :])
        backwards(w, n, count, learn)
        _write(w[GRAD:], m, stride, lanes, count, dx)


# -- to the lanes, and from them ------------------------------------------------------------


@loop
def _read(x, at, stride, lanes, count, w):
    for k in range(lanes):
        lane = x[at + k * stride :]
        if count == STEP:
            for m in range(STEP):
                w[m * LANES + k] = lane[m]
        else:
            for m in range(count):
                w[m * LANES + k] = lane[m]


@loop
def _write(w, at, stride, lanes, count, y):
    for k in range(lanes):
        lane = y[at + k * stride :]
        if count == STEP:
            for m in range(STEP):
                lane[m] = w[m * LANES + k]
        else:
            for m in range(count):
                lane[m] = w[m * LANES + k]
