"""The peaks of a stem, compressed to those of its group."""

from torch import Tensor

from dasp.controllers.fxnorm.features import (
    GROUPS,
    RATE,
    EffectFeatures,
    at_reference_peak,
    between_onsets,
    loud_peaks_db,
)
from dasp.functional.compressor import compressor

MOST_RATIO = 20
HIGHEST_DB, LOWEST_DB, THRESHOLD_STEP_DB = -10.0, -40.0, 0.5
"""The thresholds that are tried."""


def match_peaks(x: Tensor, features: EffectFeatures, group: str) -> Tensor:
    """Compress a stem until its loudest peaks are within a deviation of those of its group.

    The threshold is the highest of those tried that brings them there, at the lowest ratio that
    can. Peaks that are lower already stay as they are. Both channels have one gain, so that the
    image stands still.

    Args:
        x: Audio `(2, time)` at 44,100 Hz, not silent.
        features: Those of the group.
        group: Its name.

    Returns:
        Audio of the shape of `x`.
    """
    most_db = features.peaks_db + features.deviation_db
    loud, pieces = at_reference_peak(x), between_onsets(x)
    if loud_peaks_db(loud, pieces).mean() <= most_db:
        return x
    own = GROUPS[group]

    def compressed(threshold_db: float, ratio: int) -> Tensor:
        return compressor(
            loud,
            RATE,
            threshold_db=threshold_db,
            ratio=float(ratio),
            attack_ms=own.attack_ms,
            release_ms=own.release_ms,
            knee_db=0.0,
        )

    def is_enough(threshold_db: float, ratio: int) -> bool:
        # The peaks are those of the compressed audio as it is, not brought up to -10 dB again.
        return loud_peaks_db(compressed(threshold_db, ratio), pieces).mean().item() <= most_db

    ratio = next((r for r in range(own.ratio, MOST_RATIO + 1) if is_enough(LOWEST_DB, r)), None)
    if ratio is None:
        return _at_levels_of(x, loud, compressed(LOWEST_DB, MOST_RATIO))
    # Lower thresholds have lower peaks: halve the steps between one that is enough and one not.
    enough, short = round((HIGHEST_DB - LOWEST_DB) / THRESHOLD_STEP_DB), -1
    while enough - short > 1:
        middle = (enough + short) // 2
        if is_enough(HIGHEST_DB - THRESHOLD_STEP_DB * middle, ratio):
            enough = middle
        else:
            short = middle
    return _at_levels_of(x, loud, compressed(HIGHEST_DB - THRESHOLD_STEP_DB * enough, ratio))


def _at_levels_of(x: Tensor, loud: Tensor, compressed: Tensor) -> Tensor:
    """The channels of `compressed`, with the gains between them that `x` has and `loud` has not."""
    peak = loud.abs().amax(-1, keepdim=True)
    return compressed * x.abs().amax(-1, keepdim=True) / peak.where(peak > 0, 1.0)
