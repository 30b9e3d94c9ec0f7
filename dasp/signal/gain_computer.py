"""The gain computer of dynamics processors, on rows of audio that have one gain each.

Source: D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design:
a tutorial and analysis", JAES 60(6), 2012.
"""

import torch
from torch import Tensor

from dasp._bounds import at_least, at_most
from dasp.signal._fused import fused
from dasp.signal.backends.dynamics_values import Curve, Output, Smoother, grouped, in_schema
from dasp.signal.ballistics import ballistics
from dasp.units import SILENCE_DB, db_to_gain, gain_to_db, power_to_db

WAITS_FROM = 5_000_000
"""Samples that the portable forms take as long for as their loops take to compile."""

AMPLITUDE, POWER = 20.0, 10.0
"""Decibels for a factor of ten."""


@fused(
    "dynamics",
    f"(Tensor x, {in_schema(Curve, Smoother, Output)}, float sign) -> Tensor",
    lambda x, *_: x.new_empty(x.shape),
    waits_from=WAITS_FROM,
)
def compressed(x: Tensor, *values) -> Tensor:
    """Lower audio by the gain reduction that its own peaks ask for.

    Args:
        x: Audio `(rows, channels, time)`.
        *values: The fields of a `Curve`, a `Smoother` and an `Output`, each `(rows,)`; then the
            sign, 1 where the gain falls with levels above the threshold and -1 below it.

    Returns:
        Audio of the shape of `x`.
    """
    curve, smoother, output, (sign,) = grouped(values, Curve, Smoother, Output)
    return amplified(x, reduction_db(x, *curve, *smoother, AMPLITUDE, sign), *output)


@fused(
    "dynamics",
    f"(Tensor key, {in_schema(Curve, Smoother)}, float db_per_decade, float sign) -> Tensor",
    lambda key, *_: key.new_empty(key.shape[0], key.shape[2]),
    waits_from=WAITS_FROM,
)
def reduction_db(key: Tensor, *values) -> Tensor:
    """Find the smooth gain reduction that the loudest channel of a key signal asks for.

    Args:
        key: Amplitudes or powers `(rows, channels, time)`.
        *values: The fields of a `Curve` and a `Smoother`, each `(rows,)`; then `AMPLITUDE` or
            `POWER`, whichever the key is, and the sign, 1 where the gain falls with levels above
            the threshold and -1 below it.

    Returns:
        Gain reduction in dB, `(rows, time)`.
    """
    curve, smoother, (db_per_decade, sign) = grouped(values, Curve, Smoother)
    threshold_db, slope, knee_db, range_db = (column[:, None] for column in curve)
    over_db = sign * (loudest(to_level_db(key, db_per_decade)) - threshold_db)
    wanted_db = at_most(slope * soft_knee(over_db, knee_db), range_db)
    return ballistics(wanted_db, *smoother)[0]


@fused(
    "dynamics",
    f"(Tensor x, Tensor reduction_db, {in_schema(Output)}) -> Tensor",
    lambda x, *_: x.new_empty(x.shape),
    waits_from=WAITS_FROM,
)
def amplified(x: Tensor, reduction_db: Tensor, makeup_gain_db: Tensor, mix: Tensor) -> Tensor:
    """Lower audio by a gain reduction, raise it by the make-up gain, and mix it with the dry audio.

    Args:
        x: Audio `(rows, channels, time)`.
        reduction_db: Gain reduction in dB, `(rows, time)`.
        makeup_gain_db: In dB, `(rows,)`; 0 is neutral.
        mix: Share of the compressed audio, 0 (dry) to 1, `(rows,)`.

    Returns:
        Audio of the shape of `x`.
    """
    gain = db_to_gain(makeup_gain_db[:, None] - reduction_db)[:, None]
    return torch.lerp(x, x * gain, mix[:, None, None])


def soft_knee(over_db: Tensor, knee_db: Tensor) -> Tensor:
    """Bend the corner of a static curve into a parabola, `knee_db` wide (equation 4 of the source).

    The parabola meets both lines in value and in slope. A knee of 0 is a corner, with finite
    gradients.

    Args:
        over_db: Level beyond the threshold, in dB.
        knee_db: Width of the parabola in dB, 0 or more, broadcasting to `over_db`.

    Returns:
        `over_db` above the knee, 0 below it, the parabola between, of the shape of `over_db`.
    """
    half = knee_db / 2
    into_knee = at_least(over_db + half, 0.0)
    bend = into_knee.square() / (2 * at_least(knee_db, 1e-6))
    return torch.where(over_db >= half, at_least(over_db, 0.0), bend)


def to_level_db(key: Tensor, db_per_decade: float) -> Tensor:
    """Level of amplitudes or powers, at least that of silence.

    Args:
        key: Amplitudes or powers.
        db_per_decade: `AMPLITUDE` or `POWER`.

    Returns:
        Level in dB, of the shape of `key`.
    """
    return gain_to_db(key) if db_per_decade == AMPLITUDE else power_to_db(key)


def loudest(level_db: Tensor) -> Tensor:
    """Highest level of all channels.

    Args:
        level_db: Levels in dB, `(..., channels, time)`.

    Returns:
        Levels in dB, `(..., time)`: that of silence where there are no channels.
    """
    if level_db.shape[-2] == 0:
        return level_db.new_full((*level_db.shape[:-2], level_db.shape[-1]), SILENCE_DB)
    return level_db.amax(-2)
