"""Reverb by a feedback delay network: delay lines that feed each other.

The output of every line passes a filter with the losses for the length of that line. An
orthogonal matrix, which keeps the energy, mixes all lines, and the sums are written back. The lines
decay together, so the three times of decay are those of every mode of the network.

Source: J.-M. Jot and A. Chaigne, "Digital delay networks for designing artificial
reverberators", 90th AES Convention, 1991.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_choice, check_range
from dasp._constants import constant
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._mix import mixed
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._reverb import check_mono_or_stereo, pre_delayed, read_lines
from dasp.functional._run import in_blocks
from dasp.signal._fused import fused, on_gpu
from dasp.signal.biquad import design_high_shelf, design_low_shelf
from dasp.signal.iir import BLOCK, StateSpace, block_form, cascade, sections_of
from dasp.units import db_to_gain

SHORTEST_MS, LONGEST_MS = 20.0, 70.0
"""Lengths of the delay lines of a room of size 1."""

GONE_DB = -400.0
"""Greatest loss of one passage: what is left cannot be heard; a greater loss would underflow."""

STATES = 4
"""Number of states of the filter of a line, which has two sections."""

WAITS_FROM = 10_000_000
"""Number of samples for which the portable form takes as long as the loop takes to compile."""

WRITTEN_ROWS, HEARD_ROWS = (1, 2), (4, 5)
"""Rows of the Hadamard matrix with which left and right enter the lines and leave them. The
product of any two rows is a row, and that of the first pair is not that of the second: what
is in the middle of the input comes out of the first passage uncorrelated."""


@audio_processor
def feedback_delay_network(
    x: Tensor,
    sample_rate: float,
    *,
    rt60_low_s: Value,
    rt60_mid_s: Value,
    rt60_high_s: Value,
    mix: Value,
    low_crossover_hz: Value = 200.0,
    high_crossover_hz: Value = 4000.0,
    pre_delay_ms: Value = 0.0,
    lines: int = 16,
    size: float = 1.0,
    memory: Memory = WHOLE,
) -> Tensor:
    """Reverberate `x` in a network of delay lines that feed each other.

    Each side enters all lines and is heard from all of them, with signs of its own. A parameter is
    a number or a tensor `(*batch)`.

    Args:
        x: Audio `(*batch, channels, time)`, mono or stereo.
        sample_rate: In Hz.
        rt60_low_s: Time in which frequencies below `low_crossover_hz` decay by 60 dB, above 0.
            [0.1 to 20 s]
        rt60_mid_s: Time in which frequencies between the crossovers decay by 60 dB, above 0. It
            also sets the level, so that noise comes out of a long reverb as loud as it went in.
            [0.1 to 20 s]
        rt60_high_s: Time in which frequencies above `high_crossover_hz` decay by 60 dB, above 0.
            [0.1 to 20 s]
        mix: Share of the reverb, 0 (dry, `x` as it is) to 1. [0 to 1]
        low_crossover_hz: Frequency at which the losses in dB are midway between low and mid, below
            Nyquist. [50 to 1000 Hz]
        high_crossover_hz: Frequency at which the losses in dB are midway between mid and high, no
            lower than `low_crossover_hz` and below Nyquist. [1000 to 10000 Hz]
        pre_delay_ms: Time between `x` and its reverb, beside the shortest line, 0 or more; 0 is
            none. [0 to 200 ms]
        lines: 8 or 16 delay lines; more are denser.
        size: Factor on the lengths of the lines, which are 20 to 70 ms at 1, above 0. The decay is
            that asked for, within 3 %, where it lasts five times the longest line or more; a
            shorter decay is a few single echoes. [0.05 to 20]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`. The reverb is cut at the end of `x`.

    Raises:
        ValueError: If `x` has more than two channels, a decay or `size` is not above 0, a crossover
            is not between 0 and Nyquist, the crossovers are in the wrong order, `pre_delay_ms` is
            below 0, `mix` lies outside [0, 1], or `lines` is not 8 or 16.

    Source: J.-M. Jot and A. Chaigne, "Digital delay networks for designing artificial
    reverberators", 90th AES Convention, 1991.

    >>> impulse = torch.eye(1, 48_000)
    >>> room = dict(rt60_low_s=0.5, rt60_mid_s=0.5, rt60_high_s=0.5)
    >>> wet = feedback_delay_network(impulse, 48_000, **room, mix=1.0)
    >>> before, after = wet[0, 6000:18_000].square().sum(), wet[0, 18_000:30_000].square().sum()
    >>> round(10 * torch.log10(after / before).item())  # in half of the time, half of 60 dB
    -30
    """
    check_choice("lines", lines, (8, 16))
    check_range("size", size, above=0.0)
    check_mono_or_stereo(x)
    rt60 = {
        name: per_item(f"rt60_{name}_s", value, x, above=0.0)
        for name, value in (("low", rt60_low_s), ("mid", rt60_mid_s), ("high", rt60_high_s))
    }
    nyquist = below_nyquist(sample_rate)
    low_hz = per_item("low_crossover_hz", low_crossover_hz, x, **nyquist)
    high_hz = per_item("high_crossover_hz", high_crossover_hz, x, **nyquist)
    overlap = "where the bands overlap the network would grow"
    check_range("high_crossover_hz - low_crossover_hz", high_hz - low_hz, low=0.0, because=overlap)

    lengths = line_lengths(lines, size * sample_rate)
    of_lines = tuple(lengths), sample_rate
    of_bands = (t.double() for t in (*rt60.values(), low_hz, high_hz))
    absorption = sections_of(_absorption(*of_bands, *of_lines))
    level = _level(rt60["mid"], *of_lines)
    drive = pre_delayed(x, sample_rate, pre_delay_ms, memory)
    batch, rows = x.shape[:-2], math.prod(x.shape[:-2])
    arguments = (
        drive.reshape(rows, *x.shape[-2:]),
        absorption.expand(*batch, -1, -1, -1).reshape(rows, *absorption.shape[-3:]),
        level.expand(batch).reshape(rows),
    )
    matrix = tuple(lengths), WRITTEN_ROWS, HEARD_ROWS
    if memory.whole:
        wet = _network(*arguments, *matrix)
    else:
        written, states = memory.get("lines"), memory.get("states")
        if written is None or states is None:
            written = x.new_zeros(rows, len(lengths), max(lengths))
            states = x.new_zeros(rows, len(lengths), STATES, dtype=torch.float64)
        elif written.shape[-2:] != (len(lengths), max(lengths)):
            raise ValueError("lines, size: expected the same in all blocks of a stream")
        wet, written, states = _network_between(*arguments, written, states, *matrix)
        memory.keep("lines", written)
        memory.keep("states", states)
    return mixed(x, wet.reshape(x.shape), mix)


FEEDBACK_DELAY_NETWORK = Processor(
    in_blocks(feedback_delay_network),
    Param("rt60_low_s", 0.1, 20.0, default=2.0, scale="log"),
    Param("rt60_mid_s", 0.1, 20.0, default=1.5, scale="log"),
    Param("rt60_high_s", 0.1, 20.0, default=0.8, scale="log"),
    Param("mix", 0.0, 1.0, default=0.3),
    Param("low_crossover_hz", 50.0, 1000.0, scale="log"),
    Param("high_crossover_hz", 1000.0, 10_000.0, scale="log"),
    Param("pre_delay_ms", 0.0, 200.0),
    Option("lines", choices=(8, 16)),
    Option("size", low=0.05, high=20.0),
    neutral={"mix": 0.0},
)


@fused(
    "network",
    "(Tensor x, Tensor absorption, Tensor level, "
    "int[] lengths, int[] written_rows, int[] heard_rows) -> Tensor",
    lambda x, *_: x.new_empty(x.shape),
    waits_from=WAITS_FROM,
)
def _network(
    x: Tensor,
    absorption: Tensor,
    level: Tensor,
    lengths: tuple[int, ...],
    written_rows: tuple[int, ...],
    heard_rows: tuple[int, ...],
) -> Tensor:
    """The output of rows `(rows, channels, time)` from lines mixed by the Hadamard matrix.

    `absorption` `(rows, lines, 2, 5)` are `sections_of` the filter of each line, and `level`
    `(rows)` is a gain. A channel enters by the signs of one row of the matrix, and leaves
    by those of another.
    """
    return _composed(x, absorption, level, None, None, lengths, written_rows, heard_rows)[0]


@fused(
    "network",
    "(Tensor x, Tensor absorption, Tensor level, Tensor lines, Tensor states, "
    "int[] lengths, int[] written_rows, int[] heard_rows) -> (Tensor, Tensor, Tensor)",
    lambda x, absorption, level, lines, states, *_: (
        x.new_empty(x.shape),
        lines.new_empty(lines.shape),
        states.new_empty(states.shape),
    ),
    adjoint=False,
    waits_from=WAITS_FROM,
)
def _network_between(*arguments) -> tuple[Tensor, Tensor, Tensor]:
    """`_network` of a block, which also takes and returns the state of the network.

    The state, in front of `lengths`, is what was written into the `lines`
    `(rows, lines, longest)`, newest last, and the `states` of their filters.
    """
    return _composed(*arguments)


def _composed(
    x: Tensor,
    absorption: Tensor,
    level: Tensor,
    lines: Tensor | None,
    states: Tensor | None,
    lengths: tuple[int, ...],
    written_rows: tuple[int, ...],
    heard_rows: tuple[int, ...],
) -> tuple[Tensor, Tensor, Tensor]:
    signs = hadamard(len(lengths)).to(x)
    written, heard = (signs[list(rows)][: x.shape[1]] for rows in (written_rows, heard_rows))
    y, lines, states = run_lines(written.mT @ x, lengths, signs, cascade(absorption), lines, states)
    return level[:, None, None] * (heard @ y), lines, states


def line_lengths(lines: int, samples_per_second: float) -> list[int]:
    """Lengths in samples: primes, so that no two lines share an echo, in a geometric series."""
    ratio = LONGEST_MS / SHORTEST_MS
    lengths: list[int] = []
    for i in range(lines):
        length = round(samples_per_second * SHORTEST_MS / 1000 * ratio ** (i / (lines - 1)))
        lengths.append(_prime_from(max(length, lengths[-1] + 1 if lengths else 2)))
    return lengths


def hadamard(size: int) -> Tensor:
    """The orthogonal matrix of equal magnitudes, for a `size` that is a power of 2."""
    matrix = torch.ones(1, 1, dtype=torch.float64)
    while len(matrix) < size:
        matrix = torch.cat((torch.cat((matrix, matrix), 1), torch.cat((matrix, -matrix), 1)))
    return matrix / math.sqrt(size)


def run_lines(
    drive: Tensor,
    lengths: Sequence[int],
    feedback: Tensor,
    absorption: StateSpace,
    written: Tensor | None = None,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs of the lines, y_i[n] = h_i * u_i[n - m_i] with u[n] = drive[n] + feedback y[n].

    `drive` is `(..., lines, time)`. Over as many samples as the shortest line has, no line hears
    what is written, so the network advances by blocks of that length. What was `written` before
    `(..., lines, longest)` and the `state` of the filters `(..., lines, order)` are silence by
    default; also returns both for the next block.
    """
    longest, shortest, time = max(lengths), min(lengths), drive.shape[-1]
    if written is None:
        written = drive.new_zeros(*drive.shape[:-1], longest)
    if state is None:
        order = absorption.A.shape[-1]
        state = drive.new_zeros(*drive.shape[:-1], order, dtype=torch.float64)
    if time == 0:
        return drive.clone(), written, state
    length = min(shortest, BLOCK, time)
    edges = min(shortest, time) // length
    block = edges * length
    step, *filters = block_form(absorption, length)
    chain, reach, observe, toeplitz = (  # copied to every row once, not in every product
        matrix.expand(*drive.shape[:-1], *matrix.shape[-2:]).contiguous()
        for matrix in (_chain(step, edges), *filters)
    )
    toeplitz = toeplitz.to(drive.dtype)
    whole = time - time % block
    outputs = []
    for part in drive[..., :whole].split(block, -1):
        u = read_lines(written, lengths, block).unflatten(-1, (edges, -1))
        driven = torch.cat((state[..., None, :], u.double() @ reach.mT), -2)
        states = (chain @ driven.flatten(-2)[..., None]).view(driven.shape)
        heard = states[..., :-1, :] @ observe.mT
        y = (u @ toeplitz.mT + heard.to(u.dtype)).flatten(-2)
        written = torch.cat((written[..., block:], part + feedback @ y), -1)
        state = states[..., -1, :]
        outputs.append(y)
    rest, written, state = run_lines(
        drive[..., whole:], lengths, feedback, absorption, written, state
    )
    return torch.cat((*outputs, rest), -1), written, state


def _chain(step: Tensor, steps: int) -> Tensor:
    """The matrix from a state and the drives of `steps` steps to the state after each of them.

    From column c to row k leads step^(k - c). One product for all, where every operation counts.
    """
    powers = [torch.eye(step.shape[-1], dtype=step.dtype, device=step.device).expand_as(step)]
    for _ in range(steps):
        powers.append(step @ powers[-1])
    all_powers = torch.stack((*powers, torch.zeros_like(step)), -3)
    k = torch.arange(steps + 1, device=step.device)
    lag = (k[:, None] - k).clamp(min=-1)  # -1 is the 0 at the end: nothing leads back in time
    return all_powers[..., lag, :, :].transpose(-3, -2).flatten(-4, -3).flatten(-2)


@on_gpu("absorption_cuda.absorption")
def _absorption(
    low: Tensor,
    mid: Tensor,
    high: Tensor,
    low_hz: Tensor,
    high_hz: Tensor,
    lengths: tuple[int, ...],
    sample_rate: float,
) -> Tensor:
    """The filter of every line: -60 m / (rt60 * rate) dB in each band, a gain and two shelves.

    `(..., lines, 2, 6)`, of times and crossovers in float64: the gain is in the first section.
    """
    sixty_db = constant(lengths, mid) * (-60 / sample_rate)
    low_db, mid_db, high_db = (
        at_least(sixty_db / rt60[..., None], GONE_DB) for rt60 in (low, mid, high)
    )
    low_shelf = design_low_shelf(low_hz[..., None], sample_rate, gain_db=low_db - mid_db)
    high_shelf = design_high_shelf(high_hz[..., None], sample_rate, gain_db=high_db - mid_db)
    gain = torch.cat((db_to_gain(mid_db)[..., None, None].expand(*mid_db.shape, 1, 3),
                      mid_db.new_ones(*mid_db.shape, 1, 3)), -1)  # fmt: skip
    low_shelf, high_shelf = torch.broadcast_tensors(low_shelf * gain, high_shelf)
    return torch.cat((low_shelf, high_shelf), -2)


@on_gpu("absorption_cuda.level")
def _level(rt60_mid: Tensor, lengths: tuple[int, ...], sample_rate: float) -> Tensor:
    """The gain that makes the energy of an impulse 1, but for what the first passage absorbs.

    An impulse brings 1 into the lines, of which g^2 is left after every passage, and each output
    hears one part in `lines` of it: g^2 / (1 - g^2) / lines in all. The last two are undone; g^2
    itself is not, which would lift a short reverb out of nothing.
    """
    mean_s = sum(lengths) / len(lengths) / sample_rate
    lost = -torch.expm1(-6 * math.log(10) * mean_s / rt60_mid)
    return torch.sqrt(len(lengths) * lost)


def _prime_from(least: int) -> int:
    """The smallest prime from `least` on."""
    while any(least % divisor == 0 for divisor in range(2, math.isqrt(least) + 1)):
        least += 1
    return least
