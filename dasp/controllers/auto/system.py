"""The default system: it hears what somebody brought, and chooses how to mix it.

Dry recordings are mixed by the trained console. Stems that were worked on get the balance of a
finished song and nothing else: their EQ, compression, room and places are somebody's work. In
between, levels, effects and sends go part of the way from the one to the other.
"""

import warnings
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from dasp.controllers.auto.evidence import Evidence, hear_evidence
from dasp.controllers.auto.finished import FINISHED, Finished
from dasp.controllers.auto.room import with_room
from dasp.controllers.console.mix import (
    Proposal,
    UnlikeError,
    as_mix,
    load_trained,
    mastered,
    propose,
    shipped,
    staged,
)
from dasp.controllers.locked import work_around
from dasp.controllers.never import well_placed
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.controllers.rules.strips import at_loudness, gains_and_pans
from dasp.mixing.amount import blend
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song

CERTAIN = 0.95
"""From this likelihood on one of two ways to mix is gone to its end."""


def auto(
    song: Song,
    start: Mix,
    target_lufs: float,
    *,
    weights: Path | None = None,
    finished: Finished = FINISHED,
) -> Mix:
    """Find the settings of a song by what serves its kind.

    Args:
        song: The tracks, their names and roles.
        start: The mix to start from.
        target_lufs: Loudness of the mix.
        weights: A file of weights of the console; those of the package where none is given.
        finished: What the levels of finished stems go by.

    Returns:
        The mix, with what was chosen and why in `notes`.
    """
    evidence = hear_evidence(song, finished)
    if evidence.worked_on > CERTAIN:
        mix = finished_mix(evidence, song, start, target_lufs)
        return work_around(_told(mix, evidence), song, start, target_lufs)
    trained = shipped() if weights is None else load_trained(weights)
    try:
        proposal = propose(trained, song, start, loudness=evidence.loudness)
    except UnlikeError as error:
        warnings.warn(
            f"the console does not know material like this: {error}; mixed by rules", stacklevel=3
        )
        return rule_mix(song, start, target_lufs=target_lufs)
    if evidence.worked_on > 1 - CERTAIN:
        proposal = between(proposal, evidence, song)
    proposal = proposal._replace(mix=well_placed(proposal.mix, song))
    mix = as_mix(proposal, song, start)
    if not start.buses:
        mix = with_room(mix, song, proposal)
    mix = mastered(mix, song, target_lufs)
    return work_around(_told(mix, evidence, proposal), song, start, target_lufs)


def finished_mix(evidence: Evidence, song: Song, start: Mix, target_lufs: float) -> Mix:
    """Bring finished stems to the balance of a finished song, and do no more to them.

    Args:
        evidence: What was heard of them.
        song: The tracks.
        start: The mix to start from, whose files, groups, buses and sends are kept.
        target_lufs: Loudness of the mix.

    Returns:
        The mix.
    """
    gains_db = torch.where(evidence.playing, _balance(evidence) - evidence.loudness, 0.0)
    if evidence.playing.any():
        gains_db = gains_db - gains_db[evidence.playing].mean()
    mix = gains_and_pans(song, gains_db=torch.where(evidence.playing, gains_db, 0.0))
    files = [replace(t, file=old.file) for t, old in zip(mix.tracks, start.tracks, strict=True)]
    mix = keep_routing(replace(mix, tracks=tuple(files)), start)
    return at_loudness(mix, song.tracks, target_lufs)


def between(proposal: Proposal, evidence: Evidence, song: Song) -> Proposal:
    """Go part of the way from the console to the balance of a finished song.

    Args:
        proposal: What the console says.
        evidence: How likely the tracks were worked on, and their balance.
        song: The tracks.

    Returns:
        Its levels, effects and sends so much nearer to finished stems. The kit stays as it is.
    """
    far = evidence.worked_on
    eased = blend(proposal.mix, 1 - far, [x.shape[-2] == 1 for x in song.tracks])
    tracks = [
        old if i in proposal.kit else new
        for i, (old, new) in enumerate(zip(proposal.mix.tracks, eased.tracks, strict=True))
    ]
    playing = proposal.playing
    finished_db = staged(_balance(evidence), playing)
    level_db = staged((1 - far) * proposal.level_db + far * finished_db, playing)
    return proposal._replace(mix=replace(eased, tracks=tuple(tracks)), level_db=level_db)


def _balance(evidence: Evidence) -> Tensor:
    """The levels of finished stems: by what they are, or as they came where that is a balance."""
    playing = evidence.playing
    came_db = evidence.loudness - evidence.loudness[playing].mean()
    levels_db = torch.lerp(evidence.finished_db, came_db, evidence.balanced)
    return torch.where(playing, levels_db, 0.0)


def _told(mix: Mix, evidence: Evidence, proposal: Proposal | None = None) -> Mix:
    """The mix with a sentence about what was chosen, and why."""
    count, stereo = int(evidence.playing.sum()), int(evidence.stereo.sum())
    heard = f"{stereo} of {count} tracks that play are stereo"
    likely = f"likelihood {100 * evidence.worked_on:.0f} %"
    came = ", and the levels that they came with" if evidence.balanced > 0.5 else ""
    if proposal is None:
        notes = [f"{heard}: stems that were worked on ({likely}) get a balance{came}, no effects"]
    elif evidence.worked_on <= 1 - CERTAIN:
        notes = [f"{heard}: dry recordings, mixed by the trained console"]
    else:
        share = f"{100 * evidence.worked_on:.0f} %"
        notes = [
            f"{heard}: mixed by the trained console, and {share} of the way to a balance alone"
        ]
    if proposal is not None and proposal.kit:
        kit = ", ".join(mix.tracks[i].name for i in proposal.kit)
        notes.append(f"microphones of one drum kit keep the balance of their recording: {kit}")
    return replace(mix, notes=(*mix.notes, *notes))
