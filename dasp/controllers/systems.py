"""Every automatic mixer by its name, called alike.

Most set the knobs of a console: they return a mix document. Networks that make audio themselves
stand apart, since there is nothing to turn afterwards.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import Tensor

from dasp._checks import check_choice
from dasp.controllers.dmc_mix import Trained, UnlikeError, load_trained, mix_by, shipped
from dasp.controllers.forest import forest_mix
from dasp.controllers.rules.classic import CLASSIC
from dasp.controllers.rules.rule_mix import TARGET_LUFS, rule_mix
from dasp.controllers.rules.strips import at_loudness
from dasp.controllers.trees import load_forest
from dasp.controllers.wave_unet import wave_unet_mix
from dasp.mixing.settings import Mix

Controller = Callable[[Sequence[str], Sequence[Tensor], int], Mix]
"""Names, tracks `(channels, time)` and a sample rate, to settings of any loudness."""

System = Callable[[Sequence[Tensor], Mix, float], Mix]
"""Tracks, the mix to start from and the integrated loudness to reach, to settings."""


def automatic_mix(
    tracks: Sequence[Tensor],
    start: Mix,
    *,
    system: str = "console",
    target_lufs: float = TARGET_LUFS,
    weights: Path | None = None,
) -> Mix:
    """The settings that a system finds for tracks `(channels, time)`, at an integrated loudness.

    `weights` is a file that the training of a system in `LEARNT` has left; without one it has those
    of the package.

    `start` names the tracks, their files and roles. What is locked in it stays as it is, which
    only "rules" can do; "console" leaves such a mix to them, with a warning, and one that is
    unlike what it knows. The other systems refuse what is locked.
    """
    check_choice("system", system, SYSTEMS if weights is None else LEARNT)
    find = SYSTEMS[system] if weights is None else LEARNT[system](weights)
    return find(tracks, start, target_lufs)


def _rules(tracks: Sequence[Tensor], start: Mix, target_lufs: float) -> Mix:
    names = [track.name for track in start.tracks]
    return rule_mix(names, tracks, start.sample_rate, target_lufs=target_lufs, start=start)


def _console(trained: Callable[[], Trained]) -> System:
    """A trained console as a system, with the rules for what it cannot do."""

    def system(tracks: Sequence[Tensor], start: Mix, target_lufs: float) -> Mix:
        reason = "the console cannot work around what is locked"
        if not is_locked(start):
            try:
                return mix_by(trained(), tracks, start, target_lufs=target_lufs)
            except UnlikeError as error:
                reason = f"the console does not know material like this: {error}"
        warnings.warn(f"{reason}; mixed by rules", stacklevel=3)
        return _rules(tracks, start, target_lufs)

    return system


def _of(name: str, controller: Controller) -> System:
    """A controller that knows nothing of what is locked, as a system."""

    def system(tracks: Sequence[Tensor], start: Mix, target_lufs: float) -> Mix:
        if is_locked(start):
            raise ValueError(f"system: {name} cannot work around what is locked; 'rules' can")
        mix = controller([track.name for track in start.tracks], tracks, start.sample_rate)
        placed = tuple(
            replace(track, file=own.file, role=own.role)
            for track, own in zip(mix.tracks, start.tracks, strict=True)
        )
        return at_loudness(replace(mix, tracks=placed), tracks, target_lufs)

    return system


def is_locked(mix: Mix) -> bool:
    """Whether anything in a mix must stay as it is."""
    strips = [mix.master, *(part.strip for part in (*mix.tracks, *mix.groups, *mix.buses))]
    return any(t.locked for t in mix.tracks) or any(s.locked for strip in strips for s in strip)


SYSTEMS: dict[str, System] = {
    "console": _console(shipped),
    "rules": _rules,
    **{name: _of(name, controller) for name, controller in CLASSIC.items()},
    "forest": _of("forest", forest_mix),
}

LEARNT: dict[str, Callable[[Path], System]] = {
    "console": lambda weights: _console(partial(load_trained, weights)),
    "forest": lambda weights: _of("forest", partial(forest_mix, forest=load_forest(weights))),
}
"""The systems that can have other weights than those of the package."""

NETWORKS: dict[str, Callable[[Sequence[str], Sequence[Tensor], int, Path | None], Tensor]] = {
    "wave-u-net": wave_unet_mix,
}
"""Names, tracks `(channels, time)`, a sample rate and weights, or none for those of the package, to
a mix `(2, time)`."""
