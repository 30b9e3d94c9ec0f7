"""What is locked in a mix stays as it is, and what a system finds is fitted to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

from torch import Tensor

from dasp.controllers.rules.strips import master_at_loudness
from dasp.mixing.fader import louder
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import Stage, setting


def is_locked(mix: Mix) -> bool:
    """Tell whether anything in a mix must stay as it is.

    Args:
        mix: The mix.

    Returns:
        Whether something is locked.
    """
    strips = [mix.master, *(part.strip for part in mix.channels)]
    return any(t.locked for t in mix.tracks) or any(s.locked for strip in strips for s in strip)


def locked_stages(stages: Sequence[Stage], all_of_them: bool = False) -> tuple[Stage, ...]:
    """Select the stages of a strip that stay.

    Args:
        stages: The strip.
        all_of_them: Whether the strip is locked as a whole.

    Returns:
        The stages.
    """
    return tuple(stage for stage in stages if all_of_them or stage.locked)


def without(stages: Sequence[Stage], *processors: str) -> tuple[Stage, ...]:
    """Leave processors out of a strip.

    Args:
        stages: The strip.
        *processors: Names of the processors.

    Returns:
        The other stages.
    """
    return tuple(stage for stage in stages if stage.processor.name not in processors)


def merged(stages: Sequence[Stage], kept: Sequence[Stage]) -> tuple[Stage, ...]:
    """Put stages that are kept in place of their like, or in front.

    Args:
        stages: The strip.
        kept: The stages that are kept.

    Returns:
        The strip with them.
    """
    mine = {stage.processor.name for stage in stages}
    by_name = {stage.processor.name: stage for stage in reversed(kept)}
    others = without(kept, *mine)
    return (*others, *(by_name.get(stage.processor.name, stage) for stage in stages))


def work_around(found: Mix, song: Song, start: Mix, target_lufs: float) -> Mix:
    """Fit a mix that was found as if nothing were locked to what is locked.

    The faders that were found move as a whole to where those that are locked fit into them, and
    the sum is brought to the loudness again.

    Args:
        found: The mix.
        song: The tracks.
        start: The mix that has what is locked.
        target_lufs: Loudness of the sum.

    Returns:
        The mix with all that is locked in `start`.
    """
    if not is_locked(start):
        return found
    kept = [locked_stages(track.strip, track.locked) for track in start.tracks]
    missed_db = [
        setting(stages, "gain_db") - setting(track.strip, "gain_db", 0.0)
        for stages, track in zip(kept, found.tracks, strict=True)
        if setting(stages, "gain_db") is not None
    ]
    shift_db = median(missed_db) if missed_db else 0.0
    tracks = tuple(
        old if old.locked else replace(new, strip=merged(louder(new.strip, shift_db), stages))
        for new, old, stages in zip(found.tracks, start.tracks, kept, strict=True)
    )
    mix = replace(found, tracks=tracks, master=())
    inputs = dict(zip(song.names, song.tracks, strict=True))
    bus = mix_down(song.tracks, mix)
    return replace(mix, master=_master(bus, found, start, target_lufs, inputs))


def _master(
    bus: Tensor, found: Mix, start: Mix, target_lufs: float, inputs: Mapping[str, Tensor]
) -> tuple[Stage, ...]:
    kept = locked_stages(start.master)
    if not bus.any():
        return merged(found.master, kept)

    def master(gain: Stage) -> tuple[Stage, ...]:
        own = (gain if stage.processor is GAIN else stage for stage in found.master)
        return merged(tuple(own), kept)

    return master_at_loudness(bus, found.sample_rate, target_lufs, master, inputs)
