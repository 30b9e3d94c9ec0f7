"""Equalisers: parametric, graphic, and the high- and low-pass filters of a channel strip."""

from functools import partial

import torch
from torch import Tensor

from dasp._checks import check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_band, per_item
from dasp.functional._made_once import made_once
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.signal._shapes import broadcast_shapes
from dasp.signal.biquad import (
    design_butterworth_high_pass,
    design_butterworth_low_pass,
    design_high_shelf,
    design_low_shelf,
    design_peak,
)
from dasp.signal.iir import filter_by_sections, filter_whole, sections_of

ORDERS = tuple(range(2, 9))


@audio_processor
def parametric_eq(
    x: Tensor,
    sample_rate: float,
    *,
    low_shelf_gain_db: Value,
    low_shelf_freq_hz: Value,
    low_shelf_q: Value,
    peak_gain_db: Value,
    peak_freq_hz: Value,
    peak_q: Value,
    high_shelf_gain_db: Value,
    high_shelf_freq_hz: Value,
    high_shelf_q: Value,
    memory: Memory = WHOLE,
) -> Tensor:
    """Filter `x` through a low shelf, any number of peaks and a high shelf in series.

    The parameters of the shelves are numbers or tensors `(*batch)`; those of the peaks are
    `(*batch, peaks)` or `(peaks,)`. There are as many peaks as `peak_gain_db` has numbers.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        low_shelf_gain_db: Gain at 0 Hz; 0 is neutral. [-24 to 24 dB]
        low_shelf_freq_hz: Frequency of half the gain in dB, below Nyquist. [20 to 2000 Hz]
        low_shelf_q: Quality of the shelf, above 0: 0.7 is the steepest shelf that does not
            overshoot, less is flatter. [0.1 to 5]
        peak_gain_db: Gain of each peak at its frequency; 0 is neutral. [-24 to 24 dB]
        peak_freq_hz: Centre of each peak, below Nyquist.
            [40 to 1000, 150 to 4000, 500 to 10000, 1500 to 16000 Hz]
        peak_q: Quality of each peak, above 0: its centre divided by its width between the points of
            half the gain in dB. [0.1 to 20]
        high_shelf_gain_db: Gain at Nyquist; 0 is neutral. [-24 to 24 dB]
        high_shelf_freq_hz: Frequency of half the gain in dB, below Nyquist. [1000 to 16000 Hz]
        high_shelf_q: Quality of the shelf, above 0, as of the low shelf. [0.1 to 5]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If a frequency is not between 0 and Nyquist, a quality is not above 0, or the
            parameters of the peaks have different lengths.

    Source: R. Bristow-Johnson, "Cookbook formulae for audio equalizer biquad filter coefficients".

    >>> peak = dict(peak_gain_db=[0.0], peak_freq_hz=[1000.0], peak_q=[1.0])
    >>> low = dict(low_shelf_gain_db=20.0, low_shelf_freq_hz=100.0, low_shelf_q=0.7)
    >>> high = dict(high_shelf_gain_db=0.0, high_shelf_freq_hz=8000.0, high_shelf_q=0.7)
    >>> y = parametric_eq(torch.ones(1, 20_000), 44_100, **low, **peak, **high)
    >>> torch.allclose(y[..., -1], torch.tensor(10.0), atol=1e-3)  # 20 dB at 0 Hz
    True
    """
    sections = made_once(
        _parametric_eq, x, sample_rate, low_shelf_gain_db, low_shelf_freq_hz, low_shelf_q,
        peak_gain_db, peak_freq_hz, peak_q, high_shelf_gain_db, high_shelf_freq_hz, high_shelf_q,
    )  # fmt: skip
    return filter_with(x, sections, memory)


def _parametric_eq(
    x: Tensor,
    sample_rate: float,
    low_shelf_gain_db: Value,
    low_shelf_freq_hz: Value,
    low_shelf_q: Value,
    peak_gain_db: Value,
    peak_freq_hz: Value,
    peak_q: Value,
    high_shelf_gain_db: Value,
    high_shelf_freq_hz: Value,
    high_shelf_q: Value,
) -> Tensor:
    bands = per_band("peak_gain_db", peak_gain_db, x).shape[-1]
    band = partial(_band, x=x, sample_rate=sample_rate)
    low_shelf = band("low_shelf", low_shelf_gain_db, low_shelf_freq_hz, low_shelf_q)
    peaks = band("peak", peak_gain_db, peak_freq_hz, peak_q, bands=bands)
    high_shelf = band("high_shelf", high_shelf_gain_db, high_shelf_freq_hz, high_shelf_q)
    sections = (
        design_low_shelf(sample_rate=sample_rate, **low_shelf),
        design_peak(sample_rate=sample_rate, **peaks).squeeze(-2),
        design_high_shelf(sample_rate=sample_rate, **high_shelf),
    )
    batch = broadcast_shapes(*(section.shape[:-2] for section in sections))
    return sections_of(torch.cat([section.expand(*batch, -1, 6) for section in sections], -2))


PARAMETRIC_EQ = Processor(
    in_blocks(parametric_eq),
    Param("low_shelf_gain_db", -24.0, 24.0, default=0.0),
    Param("low_shelf_freq_hz", 20.0, 2000.0, default=100.0, scale="log"),
    Param("low_shelf_q", 0.1, 5.0, default=0.7, scale="log"),
    Param("peak_gain_db", -24.0, 24.0, default=0.0, bands=4),
    Param(
        "peak_freq_hz",
        (40.0, 150.0, 500.0, 1500.0),
        (1000.0, 4000.0, 10_000.0, 16_000.0),
        default=(200.0, 600.0, 2000.0, 6000.0),
        scale="log",
        bands=4,
    ),
    Param("peak_q", 0.1, 20.0, default=1.0, scale="log", bands=4),
    Param("high_shelf_gain_db", -24.0, 24.0, default=0.0),
    Param("high_shelf_freq_hz", 1000.0, 16_000.0, default=8000.0, scale="log"),
    Param("high_shelf_q", 0.1, 5.0, default=0.7, scale="log"),
    neutral={},
)


@audio_processor
def low_pass(
    x: Tensor, sample_rate: float, *, freq_hz: Value, order: int = 2, memory: Memory = WHOLE
) -> Tensor:
    """Remove what lies above `freq_hz` by a Butterworth low-pass.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        freq_hz: Frequency of -3 dB, `(*batch)`, below Nyquist. [20 to 20000 Hz]
        order: 2 to 8: the slope above `freq_hz` is 6 dB per octave and order.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `freq_hz` is not between 0 and Nyquist, or `order` is not one of 2 to 8.

    >>> y = low_pass(torch.ones(1, 2000), 44_100, freq_hz=1000.0)
    >>> torch.allclose(y[..., -1], torch.ones(1), atol=1e-4)  # 0 Hz passes
    True
    """
    check_choice("order", order, ORDERS)
    return filter_with(x, made_once(_low_pass, x, sample_rate, freq_hz, order), memory)


def _low_pass(x: Tensor, sample_rate: float, freq_hz: Value, order: int) -> Tensor:
    freq_hz = per_item("freq_hz", freq_hz, x, **below_nyquist(sample_rate))
    return sections_of(design_butterworth_low_pass(freq_hz, sample_rate, order=order))


LOW_PASS = Processor(
    in_blocks(low_pass),
    Param("freq_hz", 20.0, 20_000.0, default=10_000.0, scale="log"),
    Option("order", choices=ORDERS),
    mildest={"freq_hz": 20_000.0},
)


@audio_processor
def high_pass(
    x: Tensor, sample_rate: float, *, freq_hz: Value, order: int = 2, memory: Memory = WHOLE
) -> Tensor:
    """Remove what lies below `freq_hz` by a Butterworth high-pass.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        freq_hz: Frequency of -3 dB, `(*batch)`, below Nyquist. [20 to 20000 Hz]
        order: 2 to 8: the slope below `freq_hz` is 6 dB per octave and order.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `freq_hz` is not between 0 and Nyquist, or `order` is not one of 2 to 8.

    >>> y = high_pass(torch.ones(1, 2000), 44_100, freq_hz=1000.0)
    >>> torch.allclose(y[..., -1], torch.zeros(1), atol=1e-4)  # 0 Hz does not
    True
    """
    check_choice("order", order, ORDERS)
    return filter_with(x, made_once(_high_pass, x, sample_rate, freq_hz, order), memory)


def _high_pass(x: Tensor, sample_rate: float, freq_hz: Value, order: int) -> Tensor:
    freq_hz = per_item("freq_hz", freq_hz, x, **below_nyquist(sample_rate))
    return sections_of(design_butterworth_high_pass(freq_hz, sample_rate, order=order))


HIGH_PASS = Processor(
    in_blocks(high_pass),
    Param("freq_hz", 20.0, 20_000.0, default=80.0, scale="log"),
    Option("order", choices=ORDERS),
    mildest={"freq_hz": 20.0},
)


def filter_with(x: Tensor, sections: Tensor, memory: Memory) -> Tensor:
    """Filter every channel of `(*batch, channels, time)` through sections `(*batch, n, 5)`.

    The sections are what `dasp.signal.iir.sections_of` makes of a design.
    """
    sections = sections[..., None, :, :]
    if memory.whole:
        return filter_whole(x, sections)
    return memory.through("sections", filter_by_sections, x, sections)


def _band(
    name: str,
    gain_db: Value,
    freq_hz: Value,
    q: Value,
    *,
    x: Tensor,
    sample_rate: float,
    bands: int | None = None,
) -> dict[str, Tensor]:
    """The three parameters of a shelf, or of `bands` peaks, checked under their full names."""
    shaped = per_item if bands is None else partial(per_band, bands=bands)
    return {
        "gain_db": shaped(f"{name}_gain_db", gain_db, x),
        "freq_hz": shaped(f"{name}_freq_hz", freq_hz, x, **below_nyquist(sample_rate)),
        "q": shaped(f"{name}_q", q, x, above=0.0),
    }
