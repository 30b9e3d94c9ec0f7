"""The room around dry tracks: more of the reverb where all of them together are narrow.

Mono recordings that all stand near the middle add up to next to mono, which no finished song is.
What is sent to the reverb is raised until the sum is as wide as a finished song.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dasp.controllers.console.mix import Proposal
from dasp.controllers.rules.strips import frame_powers
from dasp.mixing.mixdown import mix_stems, through_master
from dasp.mixing.routing import as_stereo, send_gain
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.processors.strip import run_strip

NARROW_SIDE, FINISHED_SIDE = 0.02, 0.06
"""Shares of the side in the energy of a mix: the least of six finished songs, and a little under
their mean (0.07)."""

LEAST_SEND_DB = {"drums": -26.0, "kick": None, "bass": None}
"""Where a send begins that is to be raised; None for what stays dry."""

OTHER_LEAST_DB = -20.0
MOST_SEND_DB = -4.0
RAISED_BY_DB, MOST_STEPS = 0.5, 32

LISTEN_S = 20.0


@torch.no_grad()
def with_room(mix: Mix, song: Song, proposal: Proposal) -> Mix:
    """Open the room of a narrow mix.

    Args:
        mix: The mix of dry tracks.
        song: The tracks.
        proposal: What the console said of them: a drum kit has its own room.

    Returns:
        The mix, with a note if its room was opened.
    """
    if [bus.name for bus in mix.buses] != ["reverb"]:
        return mix
    part = _loudest_part(song.tracks, song.sample_rate)
    bare = replace(mix, master=(), buses=(), tracks=_sending(mix, {}))
    stems = mix_stems(part, bare)
    dry = through_master(stems, part, bare)

    def room(sends_db: Mapping[int, float]) -> Tensor:
        sent = torch.zeros_like(dry)
        for i, send_db in sends_db.items():
            sent += stems[i].audio * send_gain(torch.tensor(send_db).to(dry))
        return as_stereo(run_strip(sent, mix.sample_rate, mix.buses[0].strip))

    own = room({i: t.sends_db["reverb"] for i, t in enumerate(mix.tracks) if t.sends_db})
    if _side(dry, own, 1.0) >= NARROW_SIDE:
        return mix
    least = {
        i: max(track.sends_db.get("reverb", OTHER_LEAST_DB), least_db)
        for i, (track, role) in enumerate(zip(mix.tracks, proposal.roles, strict=True))
        if (least_db := LEAST_SEND_DB.get(role, OTHER_LEAST_DB)) is not None
        and proposal.playing[i]
        and i not in proposal.kit
    }
    if not least:
        return mix
    wet = room(least)
    most = round((MOST_SEND_DB - max(least.values())) / RAISED_BY_DB)
    steps = range(max(1, min(most, MOST_STEPS) + 1))
    sides = [_side(dry, wet, 10 ** (RAISED_BY_DB * k / 20)) for k in steps]
    up_db = RAISED_BY_DB * next((k for k in steps if sides[k] >= FINISHED_SIDE), steps[-1])
    raised = {i: round(send_db + up_db, 2) for i, send_db in least.items()}
    names = ", ".join(mix.tracks[i].name for i in raised)
    note = f"together the tracks are narrow: more of the reverb for {names}"
    return replace(mix, tracks=_sending(mix, raised), notes=(*mix.notes, note))


def _sending(mix: Mix, sends_db: dict[int, float]) -> tuple:
    """The tracks with these sends to the reverb alone."""
    return tuple(
        replace(track, sends_db={"reverb": sends_db[i]} if i in sends_db else {})
        for i, track in enumerate(mix.tracks)
    )


def _side(dry: Tensor, wet: Tensor, gain: float) -> float:
    """Share of the side in the energy of both together."""
    left, right = dry + gain * wet
    mid, side = left + right, left - right
    energy = (mid.square().sum() + side.square().sum()).clamp(min=1e-12)
    return (side.square().sum() / energy).item()


def _loudest_part(tracks: Sequence[Tensor], rate: int) -> list[Tensor]:
    """The seconds in which most is played."""
    powers = frame_powers(tracks, rate)
    powers = (powers / powers.sum(-1, keepdim=True).clamp(min=1e-12)).sum(0)
    size = min(round(LISTEN_S), len(powers))
    inside = torch.nn.functional.pad(powers.cumsum(0), (1, 0))
    start = int((inside[size:] - inside[:-size]).argmax()) * rate
    return [x[..., start : start + size * rate] for x in tracks]
