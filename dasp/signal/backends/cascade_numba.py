"""A cascade of second-order sections in compiled loops, and its adjoint.

Eight signals at a time are the lanes of a vector: eight rows, or, of a row alone, eight tiles that
follow each other. Such tiles have to know the states they start in, so they run once from
silence before; what a tile makes of a state then leads from each start to the next.

A section and its two states are what `dasp.signal.iir.sections_of` says:

    y = b0 u + s,   s' = c s + v + b1 u,   v' = d s + c v + b2 u

The adjoint runs the transposed sections backwards. The states at the edges of tiles are kept;
what was between the sections within a tile is computed once more.
"""

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._rows import over_rows

LANES = 8

STEP = 8
"""Samples that a section takes at a time, with its numbers in registers."""

TILE = 256
"""Samples from one kept state to the next."""

FEW = 4
"""Rows that are quicker one after the other, in tiles."""

SILENCE = 1e-200
"""States below it become 0: numbers near the smallest of float64 take long."""

# A section works in a vector of its own. SIGNAL goes into the section and GRAD is its gradient;
# what leaves the section is the SIGNAL of the next, and GRAD likewise. All of it in one array at
# constant distances lets the compiler see that nothing overlaps.
SIGNAL, GRAD, KEPT_S, KEPT_V = (LANES * STEP * i for i in range(4))
S, V, C, D, B1, B2, B0, BACK_S, BACK_V, DC, DD, DB1, DB2, DB0 = (
    LANES * (4 * STEP + i) for i in range(14)
)
SECTION = LANES * (4 * STEP + 14)

loop = compiled(error_model="numpy", fastmath={"contract"})
inlined = compiled(error_model="numpy", fastmath={"contract"}, forceinline=True)


def filtered(
    keep: bool, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
    y = torch.empty_like(x, memory_format=torch.contiguous_format)
    state = zi.clone(memory_format=torch.contiguous_format)
    edges = zi.new_empty(len(x), -(-x.shape[1] // TILE), zi.shape[1])  # states before every tile
    over_rows(_filter, x, sections, y, state, edges)
    return (y, state), (edges if keep and sections.requires_grad else edges[:, :0].clone(),)


def filtered_adjoint(
    grad: Tensor, zf_grad: Tensor, edges: Tensor, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    dx = torch.empty_like(x, memory_format=torch.contiguous_format)
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
    _set_sections(sections, w)
    _set_states(state, w[S:])
    for at in range(start, time, TILE):
        _get_states(w[S:], edges[:, at // TILE])
        _tile(x.ravel(), at, time, rows, min(TILE, time - at), w, n, y.ravel())
        _hush(w[S:], n)
    _get_states(w[S:], state)


@loop
def _filter_rows_back(grad, x, sections, edges, dx, state, d_sections, start, w, steps):
    rows, time = x.shape
    n = sections.shape[1]
    _set_sections(sections, w)
    _set_states(state, w[BACK_S:])
    for at in range(start + (time - 1 - start) // TILE * TILE, start - 1, -TILE):
        if edges.shape[1]:
            _set_states(edges[:, at // TILE], w[S:])
        _tile_back(
            grad.ravel(), x.ravel(), at, time, rows, min(TILE, time - at), w, n, dx.ravel(),
            edges.shape[1] > 0, steps,
        )  # fmt: skip
        _hush(w[BACK_S:], n)
    _get_states(w[BACK_S:], state)
    _add_gradients(w, d_sections)


@loop
def _filter_tiles(x, sections, y, state, edges, w):
    """Tiles of one row as lanes."""
    n, time = sections.shape[1], min(TILE, len(x))
    change, nothing = _change(sections, w), np.zeros((LANES, 2 * n))
    reached = nothing.copy()
    for at in range(0, len(x), LANES * TILE):
        starts = edges[at // TILE : at // TILE + LANES]
        _set_states(nothing, w[S:])
        _tile(x, at, time, len(starts), time, w, n, y)
        _get_states(w[S:], reached)
        for k in range(LANES):
            _pass_on(state, change, reached[k], starts[k])
        _set_states(starts, w[S:])
        _tile(x, at, time, len(starts), time, w, n, y)


@loop
def _filter_tiles_back(grad, x, sections, edges, dx, state, d_sections, w, steps):
    n, time = sections.shape[1], min(TILE, len(x))
    change, nothing = _change(sections, w).T.copy(), np.zeros((LANES, 2 * n))
    reached, ends, learn = nothing.copy(), nothing.copy(), len(edges) > 0
    for at in range(len(x) - LANES * TILE, -1, -LANES * TILE):
        _set_states(nothing, w[BACK_S:])
        _tile_back(grad, x, at, time, len(ends), time, w, n, dx, False, steps)
        _get_states(w[BACK_S:], reached)
        for k in range(LANES - 1, -1, -1):
            _pass_on(state, change, reached[k], ends[k])
        _set_states(ends, w[BACK_S:])
        if learn:
            _set_states(edges[at // TILE : at // TILE + LANES], w[S:])
        _tile_back(grad, x, at, time, len(ends), time, w, n, dx, learn, steps)
    _add_gradients(w, d_sections)


@loop
def _change(sections, w):
    """The matrix by which a tile of silence changes the states; leaves the sections in w."""
    n = sections.shape[1]
    change = np.zeros((2 * n, 2 * n))
    for i in range(2 * n):
        change[i, i] = 1
    _set_sections(sections, w)
    for first in range(0, 2 * n, LANES):
        units = change[first : first + LANES]
        _set_states(units, w[S:])
        for at in range(0, TILE, STEP):
            _forwards(w, n, min(STEP, TILE - at), False)
        _get_states(w[S:], units)
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
        _forwards(w, n, count, False)
        _write(w[n * SECTION + SIGNAL :], m, stride, lanes, count, y)


@loop
def _tile_back(grad, x, at, stride, lanes, time, w, n, dx, learn, steps):
    """`learn` the gradients of the sections too, from the states at the start of the tile."""
    if learn:
        for m in range(at, at + time, STEP):
            count = min(STEP, at + time - m)
            _keep_states(w, steps[(m - at) // STEP])
            _read(x, m, stride, lanes, count, w[SIGNAL:])
            _forwards(w, n, count, False)
    for m in range(at + (time - 1) // STEP * STEP, at - 1, -STEP):
        count = min(STEP, at + time - m)
        if learn:
            _return_states(steps[(m - at) // STEP], w)
            _read(x, m, stride, lanes, count, w[SIGNAL:])
            _forwards(w, n, count, True)
        _read(grad, m, stride, lanes, count, w[n * SECTION + GRAD :])
        _backwards(w, n, count, learn)
        _write(w[GRAD:], m, stride, lanes, count, dx)


# -- one step of every section --------------------------------------------------------------
#
# Constant counts and choices, written out, are what the compiler makes vectors of.


@loop
def _forwards(w, n, count, keep):
    for i in range(n):
        if count < STEP:
            _section(w[i * SECTION :], count, True)
        elif keep:
            _section(w[i * SECTION :], STEP, True)
        else:
            _section(w[i * SECTION :], STEP, False)


@loop
def _backwards(w, n, count, learn):
    for i in range(n - 1, -1, -1):
        if count < STEP:
            _section_back(w[i * SECTION :], count, True)
        elif learn:
            _section_back(w[i * SECTION :], STEP, True)
        else:
            _section_back(w[i * SECTION :], STEP, False)


@inlined
def _section(w, count, keep):
    for k in range(LANES):
        s, v, c, d = w[S + k], w[V + k], w[C + k], w[D + k]
        b1, b2, b0 = w[B1 + k], w[B2 + k], w[B0 + k]
        for m in range(count):
            u = w[SIGNAL + m * LANES + k]
            if keep:
                w[KEPT_S + m * LANES + k] = s
                w[KEPT_V + m * LANES + k] = v
            w[SECTION + SIGNAL + m * LANES + k] = b0 * u + s
            s, v = c * s + (v + b1 * u), d * s + (c * v + b2 * u)
        w[S + k], w[V + k] = s, v


@inlined
def _section_back(w, count, learn):
    for k in range(LANES):
        s, v, c, d = w[BACK_S + k], w[BACK_V + k], w[C + k], w[D + k]
        b1, b2, b0 = w[B1 + k], w[B2 + k], w[B0 + k]
        dc, dd, db1, db2, db0 = w[DC + k], w[DD + k], w[DB1 + k], w[DB2 + k], w[DB0 + k]
        for m in range(count - 1, -1, -1):
            y = w[SECTION + GRAD + m * LANES + k]
            if learn:
                u = w[SIGNAL + m * LANES + k]
                kept_s, kept_v = w[KEPT_S + m * LANES + k], w[KEPT_V + m * LANES + k]
                dc += s * kept_s + v * kept_v
                dd += v * kept_s
                db1 += s * u
                db2 += v * u
                db0 += y * u
            w[GRAD + m * LANES + k] = b0 * y + (b1 * s + b2 * v)
            s, v = c * s + (y + d * v), s + c * v
        w[BACK_S + k], w[BACK_V + k] = s, v
        if learn:
            w[DC + k], w[DD + k], w[DB1 + k], w[DB2 + k], w[DB0 + k] = dc, dd, db1, db2, db0


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


@loop
def _set_sections(sections, w):
    """Lanes beyond the last row are like it. All else becomes 0."""
    rows, n, _ = sections.shape
    w[:] = 0
    for k in range(LANES):
        for i in range(n):
            for j in range(5):
                w[i * SECTION + C + j * LANES + k] = sections[min(k, rows - 1), i, j]


@loop
def _add_gradients(w, d_sections):
    """Those of lanes beyond the last row are its own."""
    rows, n, _ = d_sections.shape
    for k in range(LANES):
        for i in range(n):
            for j in range(5):
                d_sections[min(k, rows - 1), i, j] += w[i * SECTION + DC + j * LANES + k]


@loop
def _set_states(states, w):
    for k in range(len(states)):
        for i in range(states.shape[1]):
            w[i // 2 * SECTION + i % 2 * LANES + k] = states[k, i]


@loop
def _get_states(w, states):
    for k in range(len(states)):
        for i in range(states.shape[1]):
            states[k, i] = w[i // 2 * SECTION + i % 2 * LANES + k]


@loop
def _keep_states(w, states):
    for i in range(len(states)):
        states[i] = w[i // (2 * LANES) * SECTION + S + i % (2 * LANES)]


@loop
def _return_states(states, w):
    for i in range(len(states)):
        w[i // (2 * LANES) * SECTION + S + i % (2 * LANES)] = states[i]


@loop
def _hush(w, n):
    for i in range(n):
        for k in range(2 * LANES):
            w[i * SECTION + k] *= not abs(w[i * SECTION + k]) < SILENCE
