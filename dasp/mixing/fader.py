"""The fader of a strip, and how it moves."""

from dasp.mixing.in_range import in_range
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import Stage
from dasp.processors.strip import Strip


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
