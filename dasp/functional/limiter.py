"""The limiter: no sample above the ceiling.

The gain reduction in dB is the largest excess over the ceiling within the look-ahead, which falls
exponentially in the release time, and is then averaged over as long a window. Every value in the
average of a sample is at least the excess of that sample, so the average is too: the gain has
fallen in time, and without an edge.

Source of the arrangement: P. Hämäläinen, "Smoothing of the control signal without clipped
output in digital peak limiters", DAFx 2002.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._bounds import at_least, rounded_into
from dasp._checks import check_range
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.dynamics import is_zero, lowered, makeup_and_mix, pole, run_as_rows
from dasp.signal._fused import fused, is_plain
from dasp.signal.ballistics import ballistics
from dasp.signal.gain_computer import loudest
from dasp.signal.true_peak import REACH as TRUE_PEAK_REACH
from dasp.signal.true_peak import peaks_between
from dasp.units import db_to_gain, gain_to_db

TRUE_PEAK_PASSES = 3
"""Number of passes over the true peak: a moving gain raises the peaks between samples a little."""


TRUE_PEAK_WINDOW = 13
"""Least number of samples in which the gain falls: a sudden fall makes peaks of its own."""


def _latency(sample_rate: float, *, lookahead_ms: float, true_peak: bool, **_) -> int:
    ahead = _window(lookahead_ms, sample_rate, true_peak) - 1
    return TRUE_PEAK_PASSES * (TRUE_PEAK_REACH + ahead) if true_peak else ahead


@audio_processor
def limiter(
    x: Tensor,
    sample_rate: float,
    *,
    ceiling_db: Value,
    release_ms: Value,
    gain_db: Value = 0.0,
    lookahead_ms: float = 5.0,
    true_peak: bool = False,
    linked: bool = True,
    memory: Memory = WHOLE,
) -> Tensor:
    """Keep every sample at or below a ceiling.

    Audio that never exceeds the ceiling passes unchanged. No sample exceeds the ceiling, as far as
    the type of `x` can hold that number. With `true_peak` the signal between the samples stays
    below as well, within 0.05 dB by `measure_true_peak`, at any rate and look-ahead.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        ceiling_db: Highest level of the output, in dB of full scale, `(*batch)`. [-40 to 0 dB]
        release_ms: Time in which the gain reduction, in dB, covers 63 % of its way back,
            `(*batch)`, 0 or more. [5 to 1000 ms]
        gain_db: Gain in front of the limiter, `(*batch)`; 0 is neutral. [0 to 40 dB]
        lookahead_ms: Time by which the gain begins to fall before a peak, 0 or more. The audio
            itself is not delayed, except block by block. [0 to 1000 ms]
        true_peak: Whether the signal between the samples is limited too. The gain then takes twelve
            samples or more to fall.
        linked: Whether all channels have one gain, which keeps the stereo image still. Otherwise
            each channel has its own.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `release_ms` or `lookahead_ms` is below 0.

    Source: P. Hämäläinen, "Smoothing of the control signal without clipped output in digital peak
    limiters", DAFx 2002.

    >>> x = torch.tensor([[0.1, -2.0, 0.1]])
    >>> y = limiter(x, 48_000, ceiling_db=0.0, release_ms=50.0, lookahead_ms=0.0)
    >>> torch.allclose(y, torch.tensor([[0.1, -1.0, 0.05]]), atol=1e-3)
    True
    """
    y, _ = _limited(
        x, sample_rate, memory, ceiling_db, release_ms, gain_db, lookahead_ms, true_peak, linked
    )
    ceiling = db_to_gain(per_item("ceiling_db", ceiling_db, x))[..., None, None]
    if is_plain(y, ceiling) and not torch.is_grad_enabled():
        return y.clamp(-ceiling, ceiling)  # the same numbers in one pass over the audio, not three
    return rounded_into(y, -ceiling, ceiling)


LIMITER = Processor(
    in_blocks(limiter, latency=_latency),
    Param("ceiling_db", -40.0, 0.0, default=-1.0),
    Param("release_ms", 5.0, 1000.0, default=100.0, scale="log"),
    Param("gain_db", 0.0, 40.0),
    Option("lookahead_ms", low=0.0, high=1000.0),
    Option("true_peak", choices=(True, False)),
    Option("linked", choices=(True, False)),
    mildest={"ceiling_db": 0.0},
)


@audio_processor
def limiter_gain_reduction(
    x: Tensor,
    sample_rate: float,
    *,
    ceiling_db: Value,
    release_ms: Value,
    gain_db: Value = 0.0,
    lookahead_ms: float = 5.0,
    true_peak: bool = False,
    linked: bool = True,
    memory: Memory = WHOLE,
) -> Tensor:
    """Measure the gain reduction by which `limiter` lowers `x`, without the gain in front of it.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        ceiling_db: Highest level of the output, in dB of full scale, `(*batch)`.
        release_ms: Time in which the gain reduction covers 63 % of its way back, `(*batch)`, 0 or
            more.
        gain_db: Gain in front of the limiter, `(*batch)`; 0 is neutral.
        lookahead_ms: Time by which the gain begins to fall before a peak, 0 or more.
        true_peak: Whether the signal between the samples is limited too.
        linked: Whether all channels have one gain.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Gain reduction in dB, 0 or more, `(*batch, channels, time)`; with one channel where
        `linked`.

    Raises:
        ValueError: If `release_ms` or `lookahead_ms` is below 0.

    Source: that of `limiter`.

    >>> x = torch.tensor([[0.1, -10.0, 0.1]])
    >>> settings = dict(ceiling_db=0.0, release_ms=50.0, lookahead_ms=0.0)
    >>> reduction_db = limiter_gain_reduction(x, 48_000, **settings)
    >>> round(reduction_db[0, 1].item(), 3)  # of 20 dB over full scale
    20.0
    """
    return _limited(
        x, sample_rate, memory, ceiling_db, release_ms, gain_db, lookahead_ms, true_peak, linked
    )[1]


def limited_once(
    x: Tensor,
    peaks: Tensor,
    sample_rate: float,
    *,
    ceiling_db: float,
    release_ms: float,
    lookahead_ms: float,
) -> Tensor:
    """Lower audio whose true peaks are known, in the first of the passes of `limiter` alone.

    The passes that follow take what the moving gain makes between samples: nothing that changes a
    loudness by a thousandth of a dB.

    Args:
        x: Audio `(*batch, channels, time)`.
        peaks: Its peaks (`peaks_between`), of the shape of `x`.
        sample_rate: In Hz.
        ceiling_db: As `limiter` takes it.
        release_ms: As `limiter` takes it.
        lookahead_ms: As `limiter` takes it.

    Returns:
        Audio of the shape of `x`, linked, nearly under the ceiling.
    """
    values = per_item("ceiling_db", ceiling_db, x), pole("release_ms", release_ms, x, sample_rate)
    window = _window(lookahead_ms, sample_rate, True)
    reduction_db = run_as_rows(_limiting_db, (peaks,), values, window, linked=True)
    return lowered(x, reduction_db, makeup_and_mix(x))


def _limited(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    ceiling_db: Value,
    release_ms: Value,
    gain_db: Value,
    lookahead_ms: float,
    true_peak: bool,
    linked: bool,
) -> tuple[Tensor, Tensor]:
    """The limited audio, and the gain reduction of all passes."""
    check_range("lookahead_ms", lookahead_ms, low=0.0)
    ceiling = per_item("ceiling_db", ceiling_db, x)
    release = pole("release_ms", release_ms, x, sample_rate)
    window = _window(lookahead_ms, sample_rate, true_peak)
    if not is_zero(gain_db):
        x = x * db_to_gain(per_item("gain_db", gain_db, x)[..., None, None])
    passes = TRUE_PEAK_PASSES if true_peak else 1
    total_db = x.new_zeros(())
    # That a signal is under the ceiling is told quickly, but by a look, for which a device waits.
    looks = x.device.type == "cpu" and memory.whole and is_plain(x, ceiling)
    looks = looks and not torch.is_grad_enabled()
    least = db_to_gain(ceiling)[..., None].expand(x.shape[:-1]) if looks else None
    peaks = partial(peaks_between, least=least)
    for i in range(passes):
        part, key = memory.part(f"pass_{i + 1}"), x
        if true_peak:
            key = part.around("peaks", peaks, x, TRUE_PEAK_REACH, TRUE_PEAK_REACH)
            x = part.held("x", x, TRUE_PEAK_REACH)
        if memory.whole:
            reduction_db = run_as_rows(
                _limiting_db, (key,), (ceiling, release), window, linked=linked
            )
        else:
            excess_db = run_as_rows(_excess_db, (key,), (ceiling,), linked=linked)
            reduction_db = _cover(excess_db, release[..., None], window, part)
        x = lowered(
            part.held("audio", x, window - 1), reduction_db, makeup_and_mix(x), linked=linked
        )
        is_low = looks and not reduction_db.any()  # in the passes that follow too
        if i:  # the passes before are as late as the audio
            late = TRUE_PEAK_REACH + window - 1
            reduction_db = reduction_db + part.held("total", total_db, late)
        total_db = reduction_db
        if is_low:
            break
    return x, total_db


@fused(
    "limiter",
    "(Tensor key, Tensor ceiling_db, Tensor release, int window) -> Tensor",
    lambda key, *_: key.new_empty(key.shape[0], key.shape[2]),
    waits_from=500_000,
)
def _limiting_db(key: Tensor, ceiling_db: Tensor, release: Tensor, window: int) -> Tensor:
    """The smooth gain reduction `(rows, time)` that a key `(rows, channels, time)` asks for."""
    return _cover(_excess_db(key, ceiling_db), release, window, WHOLE)


def _excess_db(key: Tensor, ceiling_db: Tensor) -> Tensor:
    return loudest(gain_to_db(key)) - ceiling_db[:, None]


def _cover(excess_db: Tensor, release: Tensor, window: int, memory: Memory) -> Tensor:
    """The smooth gain reduction `(..., time)` that covers `excess_db` at every sample.

    A value follows from the window of samples that begins with it. Levels below the ceiling take
    part in the maximum too, so that its gradient is that of the loudest sample.
    """
    ahead = window - 1
    before_db, held_before_db = memory.get("excess_db"), memory.get("held_db")
    if before_db is None:
        excess_db = nnf.pad(excess_db, (ahead, 0), value=-math.inf)
    else:
        excess_db = torch.cat((before_db, excess_db), -1)
    memory.keep("excess_db", excess_db[..., excess_db.shape[-1] - ahead :])
    excess_db = nnf.pad(excess_db, (0, ahead if memory.ends else 0), value=-math.inf)
    ahead_db = at_least(_over_window(excess_db, window, torch.maximum), 0.0)
    held_db = memory.through(
        "release", ballistics, memory.exact(ahead_db), torch.zeros_like(release), release
    ).to(excess_db.dtype)
    if held_before_db is not None:
        held_db = torch.cat((held_before_db, held_db), -1)
    memory.keep("held_db", held_db[..., max(0, held_db.shape[-1] - ahead) :])
    return _over_window(held_db, window, torch.add) / window


def _window(lookahead_ms: float, sample_rate: float, true_peak: bool) -> int:
    window = 1 + round(lookahead_ms * sample_rate / 1000)
    return max(window, TRUE_PEAK_WINDOW) if true_peak else window


def _over_window(x: Tensor, length: int, combine: Callable) -> Tensor:
    """Combine `x[n], ..., x[n + length - 1]` at every `n` for which they are there.

    Two windows make one of twice the length, so it takes log2(length) passes, in which every
    value counts once.
    """
    if length == 1 or x.shape[-1] < length:
        return x[..., : max(0, x.shape[-1] - length + 1)]
    half = length // 2
    halves = _over_window(x, half, combine)
    both = combine(halves[..., :-half], halves[..., half:])
    return combine(both[..., :-1], x[..., length - 1 :]) if length % 2 else both
