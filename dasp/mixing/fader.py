"""The fader of a strip, and how it moves."""

from dasp.mixing.in_range import ends, in_range
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip

HEAR_LEVELS = (
    "expander", "noise_gate", "limiter", "multiband_compressor", "de_esser", "distortion"
)  # fmt: skip
"""What does something else to a louder signal. So does a compressor, whose threshold can move."""


def louder(strip: Strip, by_db: float) -> Strip:
    """Move the fader of a strip, which is its last gain stage that is not locked.

    Args:
        strip: The strip. Where it has no fader, one at its end becomes it.
        by_db: How far to move the fader, or all breakpoints of its automation, in dB.

    Returns:
        The strip, with a fader as far as its range goes.

    >>> louder((Stage(GAIN, {"gain_db": -6.0}),), 2.0)[0].settings
    {'gain_db': -4.0}
    """
    if by_db == 0:
        return strip
    for i in reversed(range(len(strip))):
        if strip[i].processor is GAIN and not strip[i].locked:
            return (*strip[:i], _moved(strip[i], by_db), *strip[i + 1 :])
    return (*strip, _moved(Stage(GAIN, {}), by_db))


def _moved(fader: Stage, by_db: float) -> Stage:
    def moved(gain_db: float) -> float:
        return round(in_range(GAIN, "gain_db", gain_db + by_db), 6)

    if "gain_db" in fader.automation:
        moving = {"gain_db": [moved(gain_db) for gain_db in fader.automation["gain_db"]]}
        return fader._replace(automation={**fader.automation, **moving})
    return fader._replace(settings={"gain_db": moved(fader.settings.get("gain_db", 0.0))})


def turned_up(strip: Strip, by_db: float) -> Strip:
    """Raise the level at which a strip is heard, and change nothing else of its sound.

    Its last fader moves, and with it the thresholds of compressors behind. Where that cannot be,
    for what is locked or does more to what is louder, or at the end of a range, a gain comes at
    the end.

    Args:
        strip: The stages.
        by_db: How much; below 0 it is lower.

    Returns:
        The strip.

    >>> turned_up((Stage(GAIN, {"gain_db": -6.0}),), 3.0), turned_up((), 3.0)
    ((Stage(gain, gain_db=-3),), (Stage(gain, gain_db=3),))
    """
    if by_db == 0:
        return strip
    faders = [i for i, stage in enumerate(strip) if stage.processor is GAIN and stage.on is True]
    last = max(faders, default=len(strip))
    moved = [_with_its_threshold(stage, by_db) for stage in strip[last:]]
    kept = tuple(stage for stage in moved if stage is not None)
    if 0 < len(moved) == len(kept):
        return (*strip[:last], *kept)
    return (*strip, Stage(GAIN, {"gain_db": round(by_db, 6)}))


def _with_its_threshold(stage: Stage, by_db: float) -> Stage | None:
    """A fader, or what stands behind it, for a signal that is louder by so much, if it can be."""
    names = {"gain": "gain_db", "compressor": "threshold_db"}
    if stage.on is False or stage.sidechain or stage.processor.name not in (*names, *HEAR_LEVELS):
        return stage  # not heard, controlled by another track, or linear
    if stage.locked or stage.processor.name in HEAR_LEVELS:
        return None
    name = names[stage.processor.name]
    low, high = ends(stage.processor, name)
    moving = stage.automation.get(name, ())
    now = moving or [{**stage.processor.defaults(), **stage.settings}[name]]
    values = [round(value + by_db, 6) for value in now]
    if not all(low <= value <= high for value in values):
        return None
    if moving:
        return stage._replace(automation={**stage.automation, name: values})
    return stage._replace(settings={**stage.settings, name: values[0]})
