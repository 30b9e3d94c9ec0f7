"""Every automatic mixer by its name, called alike."""

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from dasp._checks import check_choice
from dasp.controllers.rules.classic import CLASSIC
from dasp.controllers.rules.rule_mix import TARGET_LUFS, rule_mix
from dasp.controllers.rules.strips import at_loudness
from dasp.mixing.settings import Mix

SYSTEMS = ("rules", *CLASSIC)


def automatic_mix(
    tracks: Sequence[Tensor],
    start: Mix,
    *,
    system: str = "rules",
    target_lufs: float = TARGET_LUFS,
) -> Mix:
    """The settings that a system finds for tracks `(channels, time)`, at an integrated loudness.

    `start` names the tracks, their files and roles. What is locked in it stays as it is, which
    only "rules" can do; the other systems refuse it.
    """
    check_choice("system", system, SYSTEMS)
    names = [track.name for track in start.tracks]
    if system == "rules":
        return rule_mix(names, tracks, start.sample_rate, target_lufs=target_lufs, start=start)
    strips = [start.master, *(part.strip for part in (*start.tracks, *start.groups, *start.buses))]
    if any(track.locked for track in start.tracks) or any(
        s.locked for strip in strips for s in strip
    ):
        raise ValueError(f"system: {system} cannot work around what is locked; 'rules' can")
    mix = CLASSIC[system](names, tracks, start.sample_rate)
    placed = tuple(
        replace(track, file=own.file, role=own.role)
        for track, own in zip(mix.tracks, start.tracks, strict=True)
    )
    return at_loudness(replace(mix, tracks=placed), tracks, target_lufs)
