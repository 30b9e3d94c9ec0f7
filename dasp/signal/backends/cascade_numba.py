"""A cascade of second-order sections in compiled loops, and its adjoint.

Eight signals at a time are the lanes of a vector: eight rows, or, of a row that has not enough
others beside it, eight tiles that follow each other. Such tiles have to know the states they start
in. What a tile reaches from silence is a product with a matrix, and what it makes of a state is
another; so the states lead on from each tile to the next, and through those that another thread
filters.

Of the forward run the adjoint keeps the states at the edges of tiles; what was between the
sections within a tile is computed once more.
"""

from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._compiled import compiled
from dasp.signal.backends._lanes_numba import from_lanes, to_lanes
from dasp.signal.backends._rows import array_of, fresh, over_lines, over_range, threads_for
from dasp.signal.backends._sections_numba import (
    BACK_S,
    GRAD,
    KEPT,
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
    loop,
    part,
    set_sections,
    set_states,
)

TILE = KEPT
"""Samples from one kept state to the next."""

SPAN = LANES * TILE
"""As much of one row as is filtered at once."""

FEW = 4
"""Rows for each thread that are quicker as tiles than on the lanes of one vector."""


def filtered(
    keep: bool, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
    y, state = fresh(x), zi.clone(memory_format=torch.contiguous_format)
    tiles = -(-x.shape[1] // TILE) if keep and sections.requires_grad else 0
    edges = fresh(zi, len(x), tiles, zi.shape[1])  # states before every tile
    many, few = _on_lanes_and_in_tiles(x, sections, y, state, edges)
    if many:
        over_lines(partial(_filter_rows, 0), *many)
    if few:
        _filter_tiled(*few)
    return (y, state), (edges,)


def filtered_adjoint(
    grad: Tensor, zf_grad: Tensor, edges: Tensor, x: Tensor, sections: Tensor, zi: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    dx, state = fresh(x), zf_grad.clone(memory_format=torch.contiguous_format)
    d_sections = torch.zeros_like(sections, memory_format=torch.contiguous_format)
    many, few = _on_lanes_and_in_tiles(grad, x, sections, edges, dx, state, d_sections)
    if many:
        over_lines(partial(_filter_rows_back, 0), *many)
    if few:
        _filter_tiled_back(*few)
    return dx, d_sections, state


def _on_lanes_and_in_tiles(*tensors: Tensor) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The rows that fill the lanes of all threads, and those that would leave them empty."""
    rows, time = tensors[0].shape
    threads = threads_for(rows * time)
    few = rows % (LANES * threads)
    if time < SPAN or few > FEW * threads:
        few = 0
    arrays = [array_of(t) for t in tensors]
    many = [array[: rows - few] for array in arrays] if few < rows else []
    last = [array[rows - few :] for array in arrays] if few else []
    return many, last


def _filter_tiled(x, sections, y, state, edges):
    rows, spans = len(x), x.shape[1] // SPAN
    change, reach = _reach_of(sections.tobytes(), sections.shape)
    starts = state.copy()
    loop = partial(_filter_spans, x, sections, change, reach, starts, y, state, edges)
    over_range(loop, rows * spans, x.size)
    _filter_rows(spans * SPAN, x, sections, y, state, edges)


def _filter_tiled_back(grad, x, sections, edges, dx, state, d_sections):
    rows, spans = len(x), x.shape[1] // SPAN
    _filter_rows_back(spans * SPAN, grad, x, sections, edges, dx, state, d_sections)
    change, observe = _empty_matrices(sections)
    _design_observe(sections, change, observe)
    ends, d_spans = state.copy(), np.zeros((rows, spans, *sections.shape[1:]))
    loop = partial(
        _filter_spans_back, grad, x, sections, edges, change, observe, ends, dx, state, d_spans
    )
    over_range(loop, rows * spans, x.size)
    d_sections += d_spans.sum(1)


@lru_cache(32)  # the files of a batch, or the blocks of a stream, have the same sections
def _reach_of(content: bytes, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    sections = np.frombuffer(content).reshape(shape).copy()
    change, reach = _empty_matrices(sections)
    _design_reach(sections, change, reach)
    return change, reach


def _empty_matrices(sections):
    rows, order = len(sections), 2 * sections.shape[1]
    return np.empty((rows, order, order)), np.empty((rows, order, TILE))


# -- rows as lanes, from a sample on ---------------------------------------------------------


@loop
def _filter_rows(start, x, sections, y, state, edges):
    rows, time = x.shape
    n = sections.shape[1]
    w, starts = np.zeros((n + 1) * SECTION), time * np.arange(LANES)
    for first in range(0, rows, LANES):
        own = slice(first, min(first + LANES, rows))
        lanes = own.stop - first
        set_sections(sections[own], w)
        set_states(state[own], w[S:])
        for at in range(start, time, TILE):
            if edges.shape[1]:
                get_states(w[S:], edges[own, at // TILE])
            _tile(x[own].ravel(), starts, at, lanes, min(TILE, time - at), w, n, y[own].ravel())
            hush(w[S:], n)
        get_states(w[S:], state[own])


@loop
def _filter_rows_back(start, grad, x, sections, edges, dx, state, d_sections):
    rows, time = x.shape
    n = sections.shape[1]
    w, starts = np.zeros((n + 1) * SECTION), time * np.arange(LANES)
    learn = edges.shape[1] > 0
    for first in range(0, rows, LANES):
        own = slice(first, min(first + LANES, rows))
        set_sections(sections[own], w)
        set_states(state[own], w[BACK_S:])
        for at in range(start + (time - 1 - start) // TILE * TILE, start - 1, -TILE):
            if learn:
                set_states(edges[own, at // TILE], w[S:])
            _tile_back(
                grad[own].ravel(), x[own].ravel(), starts, at, own.stop - first,
                min(TILE, time - at), w, n, dx[own].ravel(), learn,
            )  # fmt: skip
            hush(w[BACK_S:], n)
        get_states(w[BACK_S:], state[own])
        add_gradients(w, d_sections[own])


# -- tiles as lanes --------------------------------------------------------------------------
#
# A share of the spans of all rows, one after the other, is a thread's. It leads the states through
# the spans of its first row that come before.


@loop
def _filter_spans(x, sections, change, reach, starts, y, state, edges, first, last):
    spans, n = x.shape[1] // SPAN, sections.shape[1]
    w, before, now = np.zeros((n + 1) * SECTION), np.empty((LANES, 2 * n)), np.empty(2 * n)
    places = TILE * np.arange(LANES)
    size, lanes = np.int64(TILE), np.int64(LANES)  # for constants `_tile` would be compiled anew
    for span in range(first - first % spans, last):
        row, tile = span // spans, span % spans * LANES
        if tile == 0:
            set_sections(sections[row : row + 1], w)
            _copy(starts[row], now)
        _reach(x[row], tile, reach[row], before)
        for k in range(LANES):
            _lead_on(change[row], now, before[k])
        if span >= first:
            if edges.shape[1]:
                for k in range(LANES):
                    _copy(before[k], edges[row, tile + k])
            set_states(before, w[S:])
            _tile(x[row], places, tile * TILE, lanes, size, w, n, y[row])
        if tile + LANES == spans * LANES:
            _copy(now, state[row])


@loop
def _filter_spans_back(
    grad, x, sections, edges, change, observe, ends, dx, state, d_sections, first, last
):
    spans, n = x.shape[1] // SPAN, sections.shape[1]
    w, behind, now = np.zeros((n + 1) * SECTION), np.empty((LANES, 2 * n)), np.empty(2 * n)
    places, learn = TILE * np.arange(LANES), edges.shape[1] > 0
    size, lanes = np.int64(TILE), np.int64(LANES)
    for span in range(last - 1 + (spans - last) % spans, first - 1, -1):
        row, tile = span // spans, span % spans * LANES
        if tile + LANES == spans * LANES:
            set_sections(sections[row : row + 1], w)
            _copy(ends[row], now)
        _reach(grad[row], tile, observe[row], behind)
        for k in range(LANES - 1, -1, -1):
            _lead_on(change[row], now, behind[k])
        if span < last:
            set_states(behind, w[BACK_S:])
            if learn:
                set_states(edges[row, tile : tile + LANES], w[S:])
            _tile_back(grad[row], x[row], places, tile * TILE, lanes, size, w, n, dx[row], learn)
            add_gradients(w, d_sections[row, tile // LANES : tile // LANES + 1])
        if tile == 0:
            _copy(now, state[row])


@compiled(error_model="numpy", fastmath={"contract", "reassoc"}, kept=False)  # many terms at once
def _reach(x, tile, matrix, reached):
    """What each tile of a span makes of silence."""
    for k in range(LANES):
        samples = x[(tile + k) * TILE : (tile + k + 1) * TILE]
        for i in range(0, len(matrix), 2):
            one, other = matrix[i], matrix[i + 1]
            a = b = 0.0
            for m in range(TILE):
                a += one[m] * samples[m]
                b += other[m] * samples[m]
            reached[k, i], reached[k, i + 1] = a, b


@part
def _lead_on(change, now, reached):
    """From before a tile to behind it; what it has reached becomes what is before it."""
    order = len(now)
    for i in range(order):
        now[i], reached[i] = reached[i], now[i]
    for j in range(order):
        for i in range(order):
            now[i] += change[j, i] * reached[j]
    for i in range(order):
        now[i] *= not abs(now[i]) < SILENCE


# -- the matrices of a tile: how the system runs on from each state alone --------------------


@loop
def _design_observe(sections, change, observe):
    """What each state becomes at the end of a tile, and what it gives at every sample."""
    n, starts = sections.shape[1], TILE * np.arange(LANES)
    at, step = np.int64(0), np.int64(STEP)
    w, units, ends = _prepare(n)
    for row in range(len(sections)):
        for first in range(0, 2 * n, LANES):
            own = slice(first, min(first + LANES, 2 * n))
            set_sections(sections[row : row + 1], w)
            set_states(units[own], w[S:])
            given, lanes = observe[row, own].ravel(), own.stop - first
            for m in range(0, TILE, STEP):
                forwards(w, n, at, step)
                _write(w[n * SECTION + SIGNAL :], given, starts, m, lanes, step)
            get_states(w[S:], ends[own])
        for i in range(2 * n):
            _copy(ends[:, i], change[row, i])
        _drop_silence(observe[row])


@loop
def _design_reach(sections, change, reach):
    """The same of the transposed system, which runs backwards: what is reached by an input."""
    n, starts = sections.shape[1], TILE * np.arange(LANES)
    at, step = np.int64(0), np.int64(STEP)
    w, units, ends = _prepare(n)
    for row in range(len(sections)):
        for first in range(0, 2 * n, LANES):
            own = slice(first, min(first + LANES, 2 * n))
            set_sections(sections[row : row + 1], w)
            set_states(units[own], w[BACK_S:])
            given, lanes = reach[row, own].ravel(), own.stop - first
            for m in range(TILE - STEP, -1, -STEP):
                backwards(w, n, at, step, False)
                _write(w[GRAD:], given, starts, m, lanes, step)
            get_states(w[BACK_S:], ends[own])
        for i in range(2 * n):
            _copy(ends[:, i], change[row, i])
        _drop_silence(reach[row])


@part
def _prepare(n):
    units = np.zeros((2 * n, 2 * n))
    for i in range(2 * n):
        units[i, i] = 1
    return np.zeros((n + 1) * SECTION), units, units.copy()


@part
def _copy(from_, to):
    """A loop, since the message for shapes that differ takes seconds to compile."""
    for i in range(len(to)):
        to[i] = from_[i]


@part
def _drop_silence(matrix):
    for row in matrix:
        for m in range(len(row)):
            row[m] *= not abs(row[m]) < SILENCE


# -- one tile of every lane -----------------------------------------------------------------
#
# In a signal, a lane begins at its start of `starts`.


@part
def _tile(x, starts, at, lanes, time, w, n, y):
    begin = np.int64(0)
    for m in range(at, at + time, STEP):
        count = min(STEP, at + time - m)
        _read(x, starts, m, lanes, count, w[SIGNAL:])
        forwards(w, n, begin, count)
        _write(w[n * SECTION + SIGNAL :], y, starts, m, lanes, count)


@part
def _tile_back(grad, x, starts, at, lanes, time, w, n, dx, learn):
    """`learn` the gradients of the sections too, from the states at the start of the tile."""
    last = (time - 1) // STEP * STEP
    if learn:
        for m in range(last, -1, -STEP):  # as the memory is fetched ahead
            _read(x, starts, at + m, lanes, min(STEP, time - m), w[SIGNAL + m * LANES :])
        for m in range(0, time, STEP):
            forwards(w, n, m, min(STEP, time - m))
    for m in range(last, -1, -STEP):
        count = min(STEP, time - m)
        _read(grad, starts, at + m, lanes, count, w[n * SECTION + GRAD :])
        backwards(w, n, m, count, learn)
        _write(w[GRAD:], dx, starts, at + m, lanes, count)


@part
def _read(x, starts, at, lanes, count, w):
    if lanes == LANES and count == STEP:
        for m in range(0, STEP, LANES):
            to_lanes(x, starts, at + m, w, m * LANES)
    else:
        for k in range(lanes):
            for m in range(count):
                w[m * LANES + k] = x[starts[k] + at + m]


@part
def _write(w, y, starts, at, lanes, count):
    if lanes == LANES and count == STEP:
        for m in range(0, STEP, LANES):
            from_lanes(w, m * LANES, y, starts, at + m)
    else:
        for k in range(lanes):
            for m in range(count):
                y[starts[k] + at + m] = w[m * LANES + k]
