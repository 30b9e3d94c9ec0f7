"""A feedback delay network in one compiled loop, and its adjoint.

Stands in for `_network` of `dasp.functional.feedback_delay_network`, where its meaning is told.
The network advances by tiles of time that are no longer than the shortest line. Eight lines at a
time are the lanes of their filters, which lead from the delay lines `(lines, time)` to a tile
`(time, lines)`; the butterflies of the Hadamard matrix lead back.

The adjoint is the same network backwards in time, where a line is written when it was read.
"""

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor

from dasp.signal.backends._lanes_numba import from_lanes, to_lanes
from dasp.signal.backends._rows import fresh, over_rows
from dasp.signal.backends._sections_numba import (
    BACK_S,
    GRAD,
    LANES,
    SECTION,
    SIGNAL,
    STEP,
    S,
    add_gradients,
    backwards,
    forwards,
    get_states,
    hush,
    inlined,
    loop,
    part,
    set_sections,
    set_states,
)

TILE = 64
BITS = 3
"""Of the number of a lane."""
TOO_SMALL = np.float32(1e-30)
"""Numbers near the smallest take long, so what has decayed to this is 0."""


def network(
    keep: bool, x: Tensor, sections: Tensor, level: Tensor, lengths: tuple[int, ...],
    written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[Tensor, tuple[Tensor, ...]]:  # fmt: skip
    """Keeps what is written into the lines, and the states of the filters before every tile."""
    rows, _, time = x.shape
    tile, lines, order = _tile(lengths), len(lengths), 2 * sections.shape[2]
    tiles, past = -(-time // tile), _past(lengths)
    memory = x.new_zeros(rows, lines, past + tiles * tile if keep else _doubled_to(past + tile))
    edges = fresh(sections, rows, tiles if keep else 0, lines, order)
    states = sections.new_zeros(rows, lines, order)
    y = fresh(x)
    run = partial(_run, *_arrays(lengths, written, heard, x), tile, past)
    over_rows(run, x, sections, level.double(), memory, states, edges, y)
    return y, (y, memory, edges) if keep else ()


def network_between(
    keep: bool, x: Tensor, sections: Tensor, level: Tensor, before: Tensor, states: Tensor,
    lengths: tuple[int, ...], written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[tuple[Tensor, Tensor, Tensor], tuple]:  # fmt: skip
    """Has no adjoint."""
    rows, lines, longest = before.shape
    tile, past = _tile(lengths), _past(lengths)
    memory = x.new_zeros(rows, lines, _doubled_to(past + tile))
    memory[..., past - longest : past] = before
    states, y = states.clone(memory_format=torch.contiguous_format), fresh(x)
    run = partial(_run, *_arrays(lengths, written, heard, x), tile, past)
    edges = fresh(sections, rows, 0, lines, states.shape[-1])
    over_rows(run, x, sections, level.double(), memory, states, edges, y)
    place = torch.arange(past - longest, past) + x.shape[-1]
    return (y, memory[..., place & (memory.shape[-1] - 1)], states), ()


def network_adjoint(
    grad: Tensor, y: Tensor, memory: Tensor, edges: Tensor, x: Tensor, sections: Tensor,
    level: Tensor, lengths: tuple[int, ...], written: tuple[int, ...], heard: tuple[int, ...],
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    dx = fresh(x)
    d_sections = torch.zeros_like(sections, memory_format=torch.contiguous_format)
    tile, past = _tile(lengths), _past(lengths)
    later = x.new_zeros(*memory.shape[:2], _doubled_to(past + tile))
    run = partial(_run_back, *_arrays(lengths, written, heard, x), tile, past)
    over_rows(run, grad, sections, level.double(), memory, edges, later, dx, d_sections)
    return dx, d_sections, (grad * y).sum((-2, -1)) / level


def _tile(lengths: tuple[int, ...]) -> int:
    return min(TILE, 1 << (min(lengths).bit_length() - 1))


def _past(lengths: tuple[int, ...]) -> int:
    """How far the lines reach back, in whole tiles."""
    return -(-max(lengths) // TILE) * TILE


def _doubled_to(least: int) -> int:
    return 1 << (least - 1).bit_length()


def _arrays(lengths, written, heard, x: Tensor) -> tuple[np.ndarray, ...]:
    """The lengths, the signs with which channels enter the lines, and the lines they leave by."""
    # The sign of an element of the matrix is the parity of the bits that row and column share.
    signs = [[(-1.0) ** (row & i).bit_count() for i in range(len(lengths))] for row in written]
    return np.array(lengths), x.new_tensor(signs).numpy(), np.array(heard)


@loop
def _run(lengths, signs, heard, tile, past, x, sections, level, memory, states, edges, y):
    lines, n, time = len(lengths), sections.shape[2], x.shape[2]
    groups = lines // LANES
    mixed, spare = np.zeros(tile * lines, x.dtype), np.empty(tile * lines, x.dtype)
    w, places = np.zeros((groups, (n + 1) * SECTION)), np.empty(LANES, np.int64)
    begin = np.int64(0)
    mask = -1 if edges.shape[1] else memory.shape[2] - 1  # without edges, memory is a ring
    for row in range(len(x)):
        own_memory = memory[row]
        for group in range(groups):
            set_sections(sections[row, group::groups], w[group])
            set_states(states[row, group::groups], w[group, S:])
        for start in range(0, time, tile):
            place, size = past + start, min(tile, time - start)
            for group in range(groups):
                v = w[group]
                if edges.shape[1]:
                    get_states(v[S:], edges[row, start // tile, group::groups])
                for m in range(0, size, STEP):
                    count = min(STEP, size - m)
                    _read(own_memory, place + m, mask, lengths, group, groups, count, places, v)
                    forwards(v, n, begin, count)
                    _copy(v, n * SECTION + SIGNAL, mixed, _at(group, tile, m), count)
                hush(v[S:], n)
            of_lines = _butterflies(mixed, spare, groups).reshape((lines, tile))
            _hear(of_lines, heard, level[row], start, y[row])
            _enter(x[row], start, signs, of_lines)
            _write(of_lines, own_memory, place & mask)
        for group in range(groups):
            get_states(w[group, S:], states[row, group::groups])


@loop
def _run_back(
    lengths, signs, heard, tile, past, grad, sections, level, memory, edges, later, dx, d_sections
):
    lines, n, time = len(lengths), sections.shape[2], grad.shape[2]
    groups = lines // LANES
    mixed, spare = np.empty(tile * lines, grad.dtype), np.empty(tile * lines, grad.dtype)
    w = np.zeros((groups, (n + 1) * SECTION))
    places = np.empty(LANES, np.int64)
    mask, no_mask = later.shape[2] - 1, np.int64(-1)
    for row in range(len(grad)):
        own_memory, own_later = memory[row], later[row]
        for group in range(groups):
            set_sections(sections[row, group::groups], w[group])
        for start in range((time - 1) // tile * tile, -1, -tile):
            place = past + start
            of_lines = mixed.reshape((lines, tile))
            _write_back(own_later, start, mask, lengths, of_lines)
            _enter_back(of_lines, start, signs, dx[row])
            _hear_back(grad[row], start, heard, level[row], of_lines)
            of_times = _butterflies_back(mixed, spare, groups)
            for group in range(groups):
                v = w[group]
                set_states(edges[row, start // tile, group::groups], v[S:])
                for m in range(0, tile, STEP):
                    count, at = min(STEP, tile - m), v[SIGNAL + m * LANES :]
                    _read(own_memory, place + m, no_mask, lengths, group, groups, count, places, at)
                    forwards(v, n, m, count)
                for m in range((tile - 1) // STEP * STEP, -1, -STEP):
                    count = min(STEP, tile - m)
                    _copy(of_times, _at(group, tile, m), v, n * SECTION + GRAD, count)
                    backwards(v, n, m, count, True)
                    _read_back(v, own_later, (start & mask) + m, group, groups, count, places)
                hush(v[BACK_S:], n)
        for group in range(groups):
            add_gradients(w[group], d_sections[row, group::groups])


# -- from the lines through their filters ----------------------------------------------------
#
# The lanes of a group are every second line, or every line of eight. What they give is a tile
# (groups, time, lanes).


@part
def _read(memory, start, mask, lengths, group, groups, count, places, w):
    size, together = memory.shape[1], count == STEP
    for k in range(LANES):
        i = k * groups + group
        at = (start - lengths[i]) & mask
        places[k] = i * size + at
        together = together and at + STEP <= size
    if together:
        for m in range(0, STEP, LANES):
            to_lanes(memory, places, m, w, SIGNAL + m * LANES)
    else:
        for k in range(LANES):
            i = k * groups + group
            for m in range(count):
                w[SIGNAL + m * LANES + k] = memory[i, (start - lengths[i] + m) & mask]


@part
def _read_back(w, later, place, group, groups, count, places):
    for j in range(GRAD, GRAD + count * LANES):
        w[j] = _or_nothing(w[j])
    for k in range(LANES):
        places[k] = (k * groups + group) * later.shape[1] + place
    if count == STEP:
        for m in range(0, STEP, LANES):
            from_lanes(w, GRAD + m * LANES, later, places, m)
    else:
        for k in range(LANES):
            for m in range(count):
                later[k * groups + group, place + m] = w[GRAD + m * LANES + k]


@part
def _at(group, tile, m):
    return (group * tile + m) * LANES


@inlined
def _copy(from_, at, to, place, count):
    source, target = from_[at:], to[place:]
    for j in range(count * LANES):
        target[j] = source[j]


# -- and by the matrix back to the lines -----------------------------------------------------


@part
def _butterflies(x, spare, groups):
    """The Hadamard matrix but for its scale, from `(groups, time, lanes)` to `(lines, time)`.

    Sums and differences of groups, then of neighbours by the lowest bit of the index, which
    becomes the highest. After all bits of the lane the line stands in front of the time.
    """
    half = len(x) // 2
    if groups == 2:
        for j in range(half):
            spare[j] = x[j] + x[half + j]
            spare[half + j] = x[j] - x[half + j]
        x, spare = spare, x
    for _ in range(BITS):
        for j in range(half):
            spare[j] = x[2 * j] + x[2 * j + 1]
            spare[half + j] = x[2 * j] - x[2 * j + 1]
        x, spare = spare, x
    return x


@part
def _butterflies_back(x, spare, groups):
    """The same matrix, from `(lines, time)` to `(groups, time, lanes)`."""
    half = len(x) // 2
    for _ in range(BITS):
        for j in range(half):
            spare[2 * j] = x[j] + x[half + j]
            spare[2 * j + 1] = x[j] - x[half + j]
        x, spare = spare, x
    if groups == 2:
        for j in range(half):
            spare[j] = x[j] + x[half + j]
            spare[half + j] = x[j] - x[half + j]
        x, spare = spare, x
    return x


@part
def _hear(of_lines, heard, level, start, y):
    gain = level / math.sqrt(len(of_lines))
    for channel in range(len(y)):
        line, out = of_lines[heard[channel]], y[channel, start : start + of_lines.shape[1]]
        for n in range(len(out)):
            out[n] = gain * line[n]


@part
def _hear_back(grad, start, heard, level, of_lines):
    gain = level / math.sqrt(len(of_lines))
    for channel in range(len(grad)):
        line, g = of_lines[heard[channel]], grad[channel, start : start + of_lines.shape[1]]
        for n in range(len(g)):
            line[n] += gain * g[n]


@part
def _enter(x, start, signs, of_lines):
    lines, tile = of_lines.shape
    for channel in range(len(x)):
        signal = x[channel, start : start + tile]
        for i in range(lines):
            line, sign = of_lines[i], signs[channel, i]
            for n in range(len(signal)):
                line[n] += sign * signal[n]


@part
def _enter_back(of_lines, start, signs, dx):
    lines, tile = of_lines.shape
    for channel in range(len(dx)):
        d_signal = dx[channel, start : start + tile]
        d_signal[:] = 0
        for i in range(lines):
            line, sign = of_lines[i], signs[channel, i]
            for n in range(len(d_signal)):
                d_signal[n] += sign * line[n]


@part
def _write(of_lines, memory, place):
    lines, tile = of_lines.shape
    scale = of_lines.dtype.type(1 / math.sqrt(lines))
    for i in range(lines):
        line, to = of_lines[i], memory[i, place : place + tile]
        for n in range(tile):
            to[n] = _or_nothing(scale * line[n])


@part
def _write_back(later, start, mask, lengths, of_lines):
    """What a line is to give later was written now."""
    lines, tile = of_lines.shape
    scale = of_lines.dtype.type(1 / math.sqrt(lines))
    for i in range(lines):
        line, at, to = later[i], start + lengths[i], of_lines[i]
        for n in range(tile):
            to[n] = scale * line[(at + n) & mask]


@part
def _or_nothing(value):
    return np.float32(0) * value if abs(value) < TOO_SMALL else value
