"""Which way tracks go: to the master or a group, into buses, and into each other's side chains."""

from typing import NamedTuple

import torch
from torch import Tensor

from dasp._bounds import between
from dasp._typing import Value
from dasp.processors.param import Param
from dasp.units import db_to_gain

SEND_OFF_DB, SEND_FADES_BELOW_DB = -60.0, -54.0


class Routing(NamedTuple):
    """Where each track of a console goes, by number."""

    group: Tensor | None = None
    """The group `(*batch, tracks)` that a track goes to, or -1 for the master; None sends all
    tracks to the master."""
    sidechain: dict[str, Tensor] = {}  # noqa: RUF012
    """For a stage of the strip, the track `(*batch, tracks)` that it listens to, or -1 for itself.
    It hears that track as it came in, before its strip."""


def send_param(bus: str) -> Param:
    """The level at which a track is sent to a bus; the lowest is off."""
    return Param(f"send.{bus}_db", SEND_OFF_DB, 12.0, default=SEND_OFF_DB, automatable=True)


def send_gain(send_db: Value) -> Value:
    """The gain of a send: that of its level, and none from -60 dB down.

    It fades to nothing over the lowest 6 dB, so that off is off and has a slope none the less.

    >>> gain = send_gain(torch.tensor([-60.0, -40.0, 0.0]))
    >>> torch.allclose(gain, torch.tensor([0.0, 0.01, 1.0]))
    True
    """
    fade = (send_db - SEND_OFF_DB) / (SEND_FADES_BELOW_DB - SEND_OFF_DB)
    return db_to_gain(send_db) * between(fade, 0.0, 1.0)


def as_stereo(x: Tensor) -> Tensor:
    """Mono on both sides."""
    return x.expand(*x.shape[:-2], 2, x.shape[-1])


def add_up(tracks: Tensor, gains: Tensor) -> Tensor:
    """Sums of tracks `(*batch, tracks, 2, time)`, as `gains` `(*batch, sums, tracks)` says."""
    with torch.autocast(tracks.device.type, enabled=False):  # which would add audio in bfloat16
        return (gains @ tracks.flatten(-2)).unflatten(-1, tracks.shape[-2:])


def listened_to(tracks: Tensor, own: Tensor, key: Tensor) -> Tensor:
    """What a side chain hears: the track of number `key`, or its `own` signal where that is -1."""
    key = key.expand(tracks.shape[:-2])[..., None, None]
    others = tracks.gather(-3, key.clamp(min=0).expand_as(tracks))
    return torch.where(key < 0, own, others)
