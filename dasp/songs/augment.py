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
    """Give each item a level of its own.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        draw: Source of the levels.
        gain_db: From where to where the gains are drawn, in dB.

    Returns:
        Audio of the shape of `x`.
    """
    return gain(x, sample_rate, gain_db=_uniform(x, draw, gain_db))


def vary_polarity(x: Tensor, draw: torch.Generator, *, probability: float = 0.5) -> Tensor:
    """Turn some items upside down.

    Args:
        x: Audio `(*batch, channels, time)`.
        draw: Decides which.
        probability: Of each item to be turned, 0 to 1.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `probability` is no share.
    """
    return x * (1 - 2 * _chosen(x, draw, probability))


def vary_eq(
    x: Tensor, sample_rate: float, draw: torch.Generator, *, most_db: float = 6.0
) -> Tensor:
    """Send each item through an equaliser of its own: two shelves and two peaks.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        draw: Source of the settings.
        most_db: Gain of a band, at most, either way, 0 or more.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `most_db` is negative.
    """
    return PARAMETRIC_EQ(x, sample_rate, **draw_eq(x, sample_rate, draw, most_db=most_db))


def draw_eq(
    x: Tensor, sample_rate: float, draw: torch.Generator, *, most_db: float
) -> dict[str, Tensor]:
    """Draw the settings of `vary_eq`; frequencies and Qs are even on a logarithmic scale.

    Args:
        x: Audio `(*batch, channels, time)`, for its batch.
        sample_rate: In Hz.
        draw: Source of the settings.
        most_db: Gain of a band, at most, either way, 0 or more.

    Returns:
        Settings of `parametric_eq`, `(*batch)` and `(*batch, 4)`.

    Raises:
        ValueError: If `most_db` is negative.
    """
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
    """Send each item through a compressor whose threshold lies near its own RMS level.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        draw: Source of the settings.
        threshold_over_rms_db: From where to where the threshold is drawn, over the RMS level.
        ratio: From where to where the ratio is drawn.
        attack_ms: From where to where the attack is drawn.
        release_ms: From where to where the release is drawn.

    Returns:
        Audio of the shape of `x`.
    """
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
    """Shift the pitch, and the speed with it, as on a tape that runs at another speed.

    By resampling, so that nothing is added to the sound: the length changes by 2^(-cents / 1200).
    All tracks of a song, and its mix, must be shifted alike to stay together. The interval is met
    within 0.01 cents.

    Args:
        x: Audio `(*batch, channels, time)`.
        cents: Hundredths of a semitone, -4800 to 4800; above 0 is higher.

    Returns:
        Audio `(*batch, channels, time)`, of another length.

    Raises:
        ValueError: If `x` is not audio, or `cents` is out of range.

    >>> shift_pitch(torch.zeros(1, 44_100), 1200.0).shape
    torch.Size([1, 22050])
    """
    check_audio(x)
    check_range("cents", cents, low=-4800.0, high=4800.0)
    speed = Fraction(2 ** (cents / 1200)).limit_denominator(1000)
    return resample(x, speed.numerator, speed.denominator)


def draw_cents(draw: torch.Generator, *, most: float = 400.0, step: float = 50.0) -> float:
    """Draw an interval for `shift_pitch`: one of the steps from `-most` to `most`, all as likely.

    The default is 17 steps up to four semitones either way, after M. A. Martínez Ramírez and
    J. D. Reiss, "Stem audio mixing as a content-based transformation of audio features", 2017.

    Args:
        draw: Source of the interval.
        most: The largest interval either way, in cents.
        step: Distance of two steps, in cents.

    Returns:
        The interval in cents.
    """
    steps = math.floor(most / step)
    return step * int(torch.randint(-steps, steps + 1, (), generator=draw))


def swap_sides(x: Tensor, draw: torch.Generator, *, probability: float = 0.5) -> Tensor:
    """Swap left and right in some items. Swap tracks and mix of a song by one draw, as one item.

    Args:
        x: Audio `(*batch, 2, time)`.
        draw: Decides which.
        probability: Of each item to be swapped, 0 to 1.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `x` does not have two channels, or `probability` is no share.
    """
    check_channels(x, 2)
    return torch.where(_chosen(x, draw, probability) > 0, x.flip(-2), x)


def silence_some(x: Tensor, draw: torch.Generator, *, probability: float) -> Tensor:
    """Silence some items, as tracks are in which nobody plays.

    Args:
        x: Audio `(*batch, channels, time)`.
        draw: Decides which.
        probability: Of each item to be silenced, 0 to 1.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If `probability` is no share.
    """
    return x * (1 - _chosen(x, draw, probability))


def keep_some(count: int, draw: torch.Generator, *, probability: float) -> list[int]:
    """Choose which of several tracks are there, as each goes missing with a probability.

    Args:
        count: Number of tracks, 1 or more.
        draw: Decides which.
        probability: Of each track to go missing, 0 to 1.

    Returns:
        The numbers of the tracks that stay, one at least.

    Raises:
        ValueError: If there is no track, or `probability` is no share.
    """
    check_range("count", count, low=1)
    order = torch.rand(count, generator=draw, dtype=torch.float64)
    kept = (order >= probability).nonzero().flatten().tolist()
    return kept or [int(order.argmax())]


def add_noise(x: Tensor, draw: torch.Generator, *, level_db: Range = (-90.0, -60.0)) -> Tensor:
    """Add white noise to each item, of a drawn RMS level.

    Args:
        x: Audio `(*batch, channels, time)`.
        draw: Source of the noise and of its level.
        level_db: From where to where the level is drawn, in dB of full scale.

    Returns:
        Audio of the shape of `x`.
    """
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
