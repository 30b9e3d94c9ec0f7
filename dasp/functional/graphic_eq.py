"""The graphic equaliser: a peak at every octave or third of an octave, interaction solved.

The skirt of each peak raises the centres of its neighbours too, so the response of peaks with
the asked gains misses these gains. The peaks get other gains, for which the response meets them.

Sources: the interaction matrix of J. S. Abel and D. P. Berners, "Filter design using
second-order peaking and shelving sections", ICMC 2004, and R. J. Oliver and J.-M. Jot,
"Efficient multi-band digital audio graphic equalizer with accurate frequency response control",
AES 139, 2015, here the first of a few steps of Newton's method; the centres of IEC 61260-1:2014.
"""

import math

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp._constants import constant
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, per_band
from dasp.functional._made_once import made_once
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.eq import filter_with
from dasp.signal._fused import on_gpu
from dasp.signal.biquad import design_peak
from dasp.signal.iir import sections_of

CENTRES_HZ = {
    10: tuple(1000 * 10 ** (k / 10) for k in range(-15, 13, 3)),
    31: tuple(1000 * 10 ** (k / 10) for k in range(-17, 14)),
}
"""Exact base-ten centres of the octaves (31.5 Hz to 16 kHz) and thirds (20 Hz to 20 kHz)."""

HALF_GAIN_AT = 0.75
"""Where a peak has half its gain, in bands from its centre: wide enough that level gains give a
level response, narrow enough that opposite gains at neighbours can still be told apart."""

NEWTON_STEPS = 5
"""Enough for 1e-13 dB with all gains within 12 dB, and for 1e-9 dB within `MOST_DB`."""

MOST_DB = 24.0


@audio_processor
def graphic_eq(x: Tensor, sample_rate: float, *, gain_db: Value, memory: Memory = WHOLE) -> Tensor:
    """Equalise `x` in ten octaves or 31 thirds of an octave.

    The response has the gain of each band at the centre of that band (`CENTRES_HZ`), also where
    neighbouring bands differ.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        gain_db: Gain of each band from low to high, `(*batch, bands)` or `(bands,)` of 10 or 31
            bands, within -24 to 24 dB; 0 is neutral, and the only gain of a band whose centre is at
            or above Nyquist. [-12 to 12 dB]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If there are not 10 or 31 bands, a gain is out of -24 to 24 dB, or a band at or
            above Nyquist has a gain other than 0 dB.

    Source: J. S. Abel and D. P. Berners, ICMC 2004; R. J. Oliver and J.-M. Jot, AES 139, 2015.

    >>> x = torch.randn(1, 100)
    >>> torch.allclose(graphic_eq(x, 44_100, gain_db=[0.0] * 10), x, atol=1e-5)
    True
    """
    return filter_with(x, made_once(_sections, x, sample_rate, gain_db, None), memory)


GRAPHIC_EQ = Processor(
    in_blocks(graphic_eq),
    Param("gain_db", -12.0, 12.0, default=0.0, bands=10),
    neutral={},
)


@audio_processor
def graphic_eq_31(
    x: Tensor, sample_rate: float, *, gain_db: Value, memory: Memory = WHOLE
) -> Tensor:
    """Equalise `x` in 31 thirds of an octave, 20 Hz to 20 kHz, as `graphic_eq` does.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        gain_db: Gain of each band from low to high, `(*batch, 31)` or `(31,)`, or one number for
            all of them, within -24 to 24 dB; 0 is neutral, and the only gain of a band whose centre
            is at or above Nyquist. [-12 to 12 dB]
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If there are not 31 bands, a gain is out of -24 to 24 dB, or a band at or above
            Nyquist has a gain other than 0 dB.

    Source: that of `graphic_eq`.

    >>> x = torch.randn(1, 100)
    >>> torch.allclose(graphic_eq_31(x, 44_100, gain_db=0.0), x, atol=1e-5)
    True
    """
    return filter_with(x, made_once(_sections, x, sample_rate, gain_db, 31), memory)


GRAPHIC_EQ_31 = Processor(
    in_blocks(graphic_eq_31),
    Param("gain_db", -12.0, 12.0, default=0.0, bands=31),
    neutral={},
)


def _sections(x: Tensor, sample_rate: float, gain_db: Value, bands: int | None) -> Tensor:
    gain_db = per_band("gain_db", gain_db, x, bands, low=-MOST_DB, high=MOST_DB)
    return sections_of(design_graphic_eq(gain_db, sample_rate))


def design_graphic_eq(gain_db: Tensor, sample_rate: float) -> Tensor:
    """Design the cascade of peaks that has a given gain at the centre of each band.

    Args:
        gain_db: Gain of each band in dB, `(..., bands)` of 10 or 31 bands.
        sample_rate: In Hz.

    Returns:
        Sections `(..., bands below Nyquist, 6)` in float64, in the order b0 b1 b2 a0 a1 a2.

    Raises:
        ValueError: If there are not 10 or 31 bands, or a band at or above Nyquist has a gain other
            than 0 dB.

    >>> from dasp.signal.biquad import frequency_response
    >>> from dasp.units import gain_to_db
    >>> sos = design_graphic_eq(torch.tensor([12.0, -12.0] * 5), 48_000)
    >>> response = frequency_response(sos, torch.tensor(CENTRES_HZ[10]), 48_000)
    >>> [round(db, 3) for db in gain_to_db(response).tolist()]
    [12.0, -12.0, 12.0, -12.0, 12.0, -12.0, 12.0, -12.0, 12.0, -12.0]
    """
    bands = gain_db.shape[-1]
    if bands not in CENTRES_HZ:
        raise ValueError(f"gain_db: expected 10 or 31 bands, got {bands}")
    reachable = sum(centre < sample_rate / 2 for centre in CENTRES_HZ[bands])
    check_range(
        "gain_db",
        gain_db[..., reachable:],
        low=0.0,
        high=0.0,
        because=f"in bands from {CENTRES_HZ[bands][min(reachable, bands - 1)]:.0f} Hz on, "
        f"which are not below Nyquist at {sample_rate:g} Hz",
    )
    asked_db = gain_db[..., :reachable].double()
    centre = constant(CENTRES_HZ[bands][:reachable], asked_db)
    half_gain = centre * (CENTRES_HZ[bands][0] / CENTRES_HZ[bands][1]) ** HALF_GAIN_AT

    # On the frequency axis of the bilinear transform, where every peak is the analogue one.
    warped = torch.tan(math.pi * centre / sample_rate)
    edge = torch.tan(math.pi * half_gain / sample_rate) / warped
    q = edge / (1 - edge.square())
    omega = warped[:, None] / warped
    off_centre = (q * (omega - 1 / omega)).square()

    peak_db = _gains_that_sum_to(asked_db[..., None], off_centre)[..., 0]
    return design_peak(centre, sample_rate, gain_db=peak_db, q=q).squeeze(-2)


@on_gpu("graphic_eq_cuda.gains_that_sum_to", last=2)
def _gains_that_sum_to(asked_db: Tensor, off_centre: Tensor) -> Tensor:
    """The gains of peaks `(..., peaks, 1)` that are `asked_db` in all at every centre.

    Newton's method, from no gain on. The power response of a peak of gain G is
    (u + G) / (u + 1 / G) with u = Q^2 (omega - 1 / omega)^2, which is `off_centre` (centres,
    peaks). The steps are ordinary differentiable operations, and so is the solution.
    """
    u, peak_db = off_centre, torch.zeros_like(asked_db)
    for _ in range(NEWTON_STEPS):
        gain = 10 ** (peak_db.mT / 20)
        response_db = (10 * torch.log10((u + gain) / (u + 1 / gain))).sum(-1, keepdim=True)
        slope = (gain / (u + gain) + 1 / (u * gain + 1)) / 2  # of each peak, dB per dB
        peak_db = peak_db + torch.linalg.solve_ex(slope, asked_db - response_db)[0]
    return peak_db
