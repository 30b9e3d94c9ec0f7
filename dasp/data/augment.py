"""Other versions of tracks, as another recording of the same part might have been.

Audio is `(*batch, channels, time)`, such as the tracks of a song or of many, and each item of the
batch has draws of its own, which all its channels share. Draws come from a generator on the CPU
that the caller passes: the same state gives the same samples on every device.
"""

import math
from fractions import Fraction

import torch
from torch import Tensor

from dasp._checks import check_audio, check_channels, check_range
from dasp.functional.compressor import compressor
from dasp.functional.gain import gain
from dasp.processors.catalogue import PARAMETRIC_EQ
from dasp.signal.noise import white_noise
from dasp.signal.resample import resample
from dasp.units import db_to_gain, power_to_db

Range = tuple[float, float]

LOW_SHELF_HZ: Range = (40.0, 300.0)
PEAK_HZ: Range = (200.0, 8000.0)
HIGH_SHELF_HZ: Range = (3000.0, 12_000.0)
EQ_Q: Range = (0.5, 2.0)
PEAKS = 2


def vary_gain(
    x: Tensor, sample_rate: float, draw: torch.Generator, *, gain_db: Range = (-6.0, 6.0)
) -> Tensor:
    """Each item at a level of its own."""
    return gain(x, sample_rate, gain_db=_uniform(x, draw, gain_db))


def vary_polarity(x: Tensor, draw: torch.Generator, *, probability: float = 0.5) -> Tensor:
    """Some items turned upside down."""
    return x * (1 - 2 * _chosen(x, draw, probability))


def vary_eq(
    x: Tensor, sample_rate: float, draw: torch.Generator, *, most_db: float = 6.0
) -> Tensor:
    """Each item through an equaliser: two shelves and two peaks of up to `most_db` either way."""
    return PARAMETRIC_EQ(x, sample_rate, **draw_eq(x, sample_rate, draw, most_db=most_db))


def draw_eq(
    x: Tensor, sample_rate: float, draw: torch.Generator, *, most_db: float
) -> dict[str, Tensor]:
    """The settings of `vary_eq`. Frequencies and Qs are even on a logarithmic scale."""
    check_range("most_db", most_db, low=0.0)
    highest = 0.45 * sample_rate

    def band(name: str, freq_hz: Range, *shape: int) -> dict[str, Tensor]:
        within = (min(freq_hz[0], highest), min(freq_hz[1], highest))
        return {
            f"{name}_gain_db": _uniform(x, draw, (-most_db, most_db), *shape),
            f"{name}_freq_hz": _log_uniform(x, draw, within, *shape),
            f"{name}_q": _log_uniform(x, draw, EQ_Q, *shape),
        }

    return {
        **band("low_shelf", LOW_SHELF_HZ),
        **band("peak", PEAK_HZ, PEAKS),
        **band("high_shelf", HIGH_SHELF_HZ),
    }


def vary_compression(
    x: Tensor,
    sample_rate: float,
    draw: torch.Generator,
    *,
    threshold_over_rms_db: Range = (-6.0, 6.0),
    ratio: Range = (1.5, 4.0),
    attack_ms: Range = (2.0, 50.0),
    release_ms: Range = (50.0, 500.0),
) -> Tensor:
    """Each item through a compressor whose threshold lies near its own RMS level."""
    rms_db = power_to_db(x.square().mean((-2, -1)))
    return compressor(
        x,
        sample_rate,
        threshold_db=rms_db + _uniform(x, draw, threshold_over_rms_db),
        ratio=_log_uniform(x, draw, ratio),
        attack_ms=_log_uniform(x, draw, attack_ms),
        release_ms=_log_uniform(x, draw, release_ms),
        knee_db=6.0,
    )


def shift_pitch(x: Tensor, cents: float) -> Tensor:
    """Higher by hundredths of a semitone, and faster, as on a tape that runs at another speed.

    By resampling, so that nothing is added to the sound: the length changes by 2^(-cents / 1200).
    All tracks of a song, and its mix, must be shifted alike to stay together. The interval is met
    within 0.01 cents.

    >>> shift_pitch(torch.zeros(1, 44_100), 1200.0).shape
    torch.Size([1, 22050])
    """
    check_audio(x)
    check_range("cents", cents, low=-4800.0, high=4800.0)
    speed = Fraction(2 ** (cents / 1200)).limit_denominator(1000)
    return resample(x, speed.numerator, speed.denominator)


def draw_cents(draw: torch.Generator, *, most: float = 400.0, step: float = 50.0) -> float:
    """An interval for `shift_pitch`: one of the steps from `-most` to `most`, all as likely.

    The default is 17 steps up to four semitones either way, after M. A. Martínez Ramírez and
    J. D. Reiss, "Stem audio mixing as a content-based transformation of audio features", 2017.
    """
    steps = math.floor(most / step)
    return step * int(torch.randint(-steps, steps + 1, (), generator=draw))


def swap_sides(x: Tensor, draw: torch.Generator, *, probability: float = 0.5) -> Tensor:
    """Left for right in some items. Swap tracks and mix of a song by the same draw, as one item."""
    check_channels(x, 2)
    return torch.where(_chosen(x, draw, probability) > 0, x.flip(-2), x)


def silence_some(x: Tensor, draw: torch.Generator, *, probability: float) -> Tensor:
    """Some items silent, as tracks are in which nobody plays."""
    return x * (1 - _chosen(x, draw, probability))


def keep_some(count: int, draw: torch.Generator, *, probability: float) -> list[int]:
    """Which of `count` tracks are there, as each goes missing with a probability; one stays."""
    check_range("count", count, low=1)
    order = torch.rand(count, generator=draw, dtype=torch.float64)
    kept = (order >= probability).nonzero().flatten().tolist()
    return kept or [int(order.argmax())]


def add_noise(x: Tensor, draw: torch.Generator, *, level_db: Range = (-90.0, -60.0)) -> Tensor:
    """White noise under each item, of a drawn RMS level in dBFS."""
    noise = white_noise(x.shape, draw, dtype=x.dtype, device=x.device)
    return x + noise * db_to_gain(_uniform(x, draw, level_db))[..., None, None]


def _uniform(x: Tensor, draw: torch.Generator, between: Range, *shape: int) -> Tensor:
    """A number for each item of `x`, or `shape` of them."""
    low, high = between
    u = torch.rand((*x.shape[:-2], *shape), generator=draw, dtype=torch.float64)
    return (low + (high - low) * u).to(x.device, x.dtype)


def _log_uniform(x: Tensor, draw: torch.Generator, between: Range, *shape: int) -> Tensor:
    low, high = map(math.log, between)
    return _uniform(x, draw, (low, high), *shape).exp()


def _chosen(x: Tensor, draw: torch.Generator, probability: float) -> Tensor:
    """1 for the items that something happens to and 0 for the others, `(*batch, 1, 1)`."""
    check_range("probability", probability, low=0.0, high=1.0)
    return (_uniform(x, draw, (0.0, 1.0)) < probability).to(x.dtype)[..., None, None]
