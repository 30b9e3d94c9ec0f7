"""Audio at a loudness, below a true peak."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.functional import limiter
from dasp.mixing.targets import CEILING_DB, FILE_LUFS

CLOSE_LU = 0.05
"""A loudness is reached that is so near."""

RELEASE_MS = 100.0
"""Of the limiter."""

_MOST_PASSES = 10
_LEAST_GAIN_LU = 0.02
"""A limiter that gives no more for a step of the gain is at its end."""


def normalise_loudness(
    x: Tensor,
    sample_rate: float,
    *,
    lufs: float = FILE_LUFS,
    true_peak_db: float = CEILING_DB,
    limit: bool = False,
    layout: str | Sequence[str] | None = None,
) -> Tensor:
    """Bring audio to a loudness, as far as its true peak allows.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz, above 3364.
        lufs: Integrated loudness of the result in LUFS, by ITU-R BS.1770.
        true_peak_db: Largest true peak of the result in dBTP. One gain serves all samples, so that
            audio with high peaks may stay softer than `lufs`.
        limit: Whether a limiter lowers the peaks, so that `lufs` is reached.
        layout: The loudspeaker of each channel, as `measure_loudness` takes it.

    Returns:
        Audio of the shape of `x`. Silence, and audio that is never above -70 LUFS, is unchanged.

    Raises:
        ValueError: If `x` has another shape, or loudness has no weights for its channels.

    >>> x = 0.01 * torch.randn(2, 48_000)
    >>> round(measure_loudness(normalise_loudness(x, 48_000, lufs=-23.0), 48_000).item(), 1)
    -23.0
    """
    if x.ndim != 2:
        raise ValueError(f"x: expected shape (channels, time), got {tuple(x.shape)}")
    loudness = _loudness(x, sample_rate, layout)
    if loudness <= ABSOLUTE_GATE_LUFS:
        return x
    peak_db = measure_true_peak(x, sample_rate).max().item()
    allowed_db = true_peak_db - peak_db
    if not limit or lufs - loudness <= allowed_db:
        return amplified(x, min(lufs - loudness, allowed_db))

    def limited(gain_db: float) -> Tensor:
        return limiter(
            x, sample_rate, gain_db=gain_db, ceiling_db=true_peak_db, true_peak=True,
            release_ms=RELEASE_MS,
        )  # fmt: skip

    gain_db = gain_into_limiter(
        lambda gain_db: _loudness(limited(gain_db), sample_rate, layout), loudness, lufs
    )
    return limited(gain_db)


def amplified(x: Tensor, gain_db: float) -> Tensor:
    """Amplify audio, in float64 and then in the type of `x`.

    Args:
        x: Audio of any shape.
        gain_db: Gain in dB; 0 returns `x` itself.

    Returns:
        Audio of the shape of `x`.
    """
    return x if gain_db == 0 else (x.double() * 10 ** (gain_db / 20)).to(x.dtype)


def gain_into_limiter(
    loudness_of: Callable[[float], float], loudness: float, target_lufs: float
) -> float:
    """Find the gain before a limiter with which the output has a given loudness.

    Args:
        loudness_of: The loudness of the output in LUFS as a function of the gain in dB.
        loudness: Loudness of the input in LUFS.
        target_lufs: Loudness of the output in LUFS.

    Returns:
        Gain in dB; where the limiter stops getting louder, as much as it can use.
    """
    gain_db = target_lufs - loudness
    reached = loudness_of(gain_db)
    for _ in range(_MOST_PASSES):
        missing = target_lufs - reached
        if abs(missing) < CLOSE_LU:
            break
        before, gain_db = reached, gain_db + missing
        reached = loudness_of(gain_db)
        if missing > 0 and reached - before < _LEAST_GAIN_LU * missing:
            break
    return gain_db


def _loudness(x: Tensor, sample_rate: float, layout: str | Sequence[str] | None) -> float:
    with torch.no_grad():
        return measure_loudness(x, sample_rate).item()
