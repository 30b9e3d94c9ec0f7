"""Equalisers: parametric, graphic, and the high- and low-pass filters of a channel strip."""

from functools import partial

import torch
from torch import Tensor

from dasp._checks import check_choice
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_band, per_item
from dasp.functional._memory import Memory
from dasp.signal.biquad import (
    design_butterworth_high_pass,
    design_butterworth_low_pass,
    design_high_shelf,
    design_low_shelf,
    design_peak,
)
from dasp.signal.iir import sosfilt

ORDERS = tuple(range(2, 9))


@audio_processor
def parametric_eq(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
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
) -> Tensor:
    """A low shelf, any number of peaks and a high shelf in series. Gains of 0 dB are neutral.

    The `peak_…` parameters have a last axis of bands, `(*batch, bands)` or `(bands,)`, and the
    number of peaks is the length of `peak_gain_db`. Frequencies lie between 0 and Nyquist; a
    `q` is above 0.
    """
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
    batch = torch.broadcast_shapes(*(section.shape[:-2] for section in sections))
    sos = torch.cat([section.expand(*batch, -1, 6) for section in sections], -2)
    return filter_with(x, sos, memory)


@audio_processor
def low_pass(
    x: Tensor, sample_rate: float, memory: Memory, *, freq_hz: Value, order: int = 2
) -> Tensor:
    """Butterworth low-pass: -3 dB at `freq_hz`, 6 dB per octave and `order` (2 to 8) above."""
    check_choice("order", order, ORDERS)
    freq_hz = per_item("freq_hz", freq_hz, x, **below_nyquist(sample_rate))
    return filter_with(x, design_butterworth_low_pass(freq_hz, sample_rate, order=order), memory)


@audio_processor
def high_pass(
    x: Tensor, sample_rate: float, memory: Memory, *, freq_hz: Value, order: int = 2
) -> Tensor:
    """Butterworth high-pass: -3 dB at `freq_hz`, 6 dB per octave and `order` (2 to 8) below."""
    check_choice("order", order, ORDERS)
    freq_hz = per_item("freq_hz", freq_hz, x, **below_nyquist(sample_rate))
    return filter_with(x, design_butterworth_high_pass(freq_hz, sample_rate, order=order), memory)


def filter_with(x: Tensor, sos: Tensor, memory: Memory) -> Tensor:
    """Filter every channel of `(*batch, channels, time)` through sections `(*batch, n, 6)`."""
    return memory.through("sections", sosfilt, x, sos[..., None, :, :])


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
