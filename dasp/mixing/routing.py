"""Which way tracks go: to the master or a group, into buses, and into each other's side chains."""

from typing import NamedTuple

import torch
from torch import Tensor

from dasp._bounds import between
from dasp.processors import Param
from dasp.units import db_to_gain

SEND_OFF_DB, SEND_FADES_BELOW_DB, MOST_SEND_DB = -60.0, -54.0, 12.0


class Routing(NamedTuple):
    """The destination of each track of a console, by number.

    Args:
        group: The group of each track, `(*batch, tracks)`, or -1 for the master; None sends all
            tracks to the master.
        sidechain: For a stage of the strip, by its name, the track that controls it on each track,
            `(*batch, tracks)`, or -1 for the track itself. The stage hears that track before its
            strip.

    >>> Routing(group=torch.tensor([0, 0, -1])).sidechain
    {}
    """

    group: Tensor | None = None
    sidechain: dict[str, Tensor] = {}  # noqa: RUF012


def send_param(bus: str) -> Param:
    """Return the parameter of the send of a track to a bus.

    Args:
        bus: Name of the bus.

    Returns:
        The parameter, a level in dB of which the lowest is off.
    """
    return Param(f"send.{bus}_db", SEND_OFF_DB, MOST_SEND_DB, default=SEND_OFF_DB, automatable=True)


def send_gain(send_db: Tensor) -> Tensor:
    """Convert the level of a send to a gain, which is 0 from -60 dB down.

    The gain fades out over the lowest 6 dB, so that it has a slope everywhere above -60 dB.

    Args:
        send_db: Level in dB, of any shape.

    Returns:
        Gain as a factor, of the shape of `send_db`.

    >>> gain = send_gain(torch.tensor([-60.0, -40.0, 0.0]))
    >>> torch.allclose(gain, torch.tensor([0.0, 0.01, 1.0]))
    True
    """
    fade = (send_db - SEND_OFF_DB) / (SEND_FADES_BELOW_DB - SEND_OFF_DB)
    return db_to_gain(send_db) * between(fade, 0.0, 1.0)


def as_stereo(x: Tensor) -> Tensor:
    """Copy a mono signal to both sides; a stereo signal is unchanged.

    Args:
        x: Audio `(*batch, 1 or 2, time)`.

    Returns:
        Audio `(*batch, 2, time)`, a view of `x`.
    """
    return x.expand(*x.shape[:-2], 2, x.shape[-1])


def add_up(tracks: Tensor, gains: Tensor) -> Tensor:
    """Compute weighted sums of tracks.

    Args:
        tracks: Audio `(*batch, tracks, 2, time)`.
        gains: Gain of each track in each sum as a factor, `(*batch, sums, tracks)`.

    Returns:
        Audio `(*batch, sums, 2, time)`.
    """
    with torch.autocast(tracks.device.type, enabled=False):  # which would add audio in bfloat16
        return (gains @ tracks.flatten(-2)).unflatten(-1, tracks.shape[-2:])
