"""What was found in a track, and whether it was put right."""

from typing import NamedTuple


class Finding(NamedTuple):
    """A fault of a track, with the measurement that tells it.

    Args:
        track: Name of the track.
        kind: "silent", "offset", "mono", "clipped", "noise", "duplicate", "take", "bounce",
            "click", "polarity" or "delay".
        text: What was found and done, and the measured reason, for a person to read.
        done: Whether something was done about it; if not, it is only told.

    >>> str(Finding("kick", "clipped", "clipped: 12 flat tops", done=False))
    'kick: clipped: 12 flat tops'
    """

    track: str
    kind: str
    text: str
    done: bool

    def __str__(self) -> str:
        return f"{self.track}: {self.text}"
