"""A mix in words, as consoles and engineers write it."""

from dasp.mixing.settings import Channel, Track
from dasp.processors.strip import named


def pan_text(pan: float) -> str:
    """Write a pan as consoles print it.

    Args:
        pan: From -1 (left) to 1 (right).

    Returns:
        C for the centre, or L or R with a number up to 100.

    >>> pan_text(0.0), pan_text(-0.5)
    ('C', 'L50')
    """
    percent = round(100 * abs(pan))
    return f"{'L' if pan < 0 else 'R'}{percent}" if percent else "C"


def switches(channel: Track | Channel) -> list[str]:
    """List what is switched in a strip, and what is put right before it.

    Args:
        channel: A track, a group, a bus, or the master.

    Returns:
        Words such as "muted", "gain bypassed" and "polarity turned".

    >>> switches(Track("kick", mute=True))
    ['muted']
    """
    told = ["muted"] if channel.mute else []
    told += ["solo"] if channel.solo else []
    told += [f"{name} bypassed" for name, stage in named(channel.strip) if not stage.on]
    if isinstance(channel, Track):
        prepare = channel.prepare
        told += ["offset taken off"] if prepare.offset else []
        told += ["mono"] if prepare.mono else []
        told += ["sides swapped"] if prepare.swapped else []
        told += ["polarity turned"] if prepare.inverted else []
        told += [f"{prepare.delay_samples:+.4g} samples"] if prepare.delay_samples else []
    return told
