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

from dasp._checks import check_choice, check_range
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.controllers.dmc_mix import Trained, UnlikeError, load_trained, mix_by, shipped
from dasp.controllers.forest import forest_mix
from dasp.controllers.rules.classic import CLASSIC
from dasp.controllers.rules.rule_mix import TARGET_LUFS, rule_mix
from dasp.controllers.rules.strips import at_loudness, at_loudness_again, is_silent
from dasp.controllers.trees import load_forest
from dasp.controllers.wave_unet import wave_unet_mix
from dasp.mixing.amount import blend
from dasp.mixing.kept_routing import keep_routing
from dasp.mixing.roles import check_roles
from dasp.mixing.settings import Mix
from dasp.processors.catalogue import GAIN

NEAR_LU = 0.1
"""How far a mix may be from the loudness that was asked for, without a word."""

Controller = Callable[[Sequence[str], Sequence[Tensor], int], Mix]
"""Names, tracks `(channels, time)` and a sample rate, to settings of any loudness."""

System = Callable[[Sequence[Tensor], Mix, float], Mix]
"""Tracks, the mix to start from and the integrated loudness to reach, to settings."""


def automatic_mix(
    tracks: Sequence[Tensor],
    start: Mix,
    *,
    system: str = "console",
    target_lufs: float | None = None,
    weights: Path | None = None,
    amount: float = 1.0,
) -> Mix:
    """The settings that a system finds for tracks, at an integrated loudness.

    What is locked in `start` stays as it is, which only "rules" can do; "console" leaves such a mix
    to them, with a warning, and one that is unlike what it knows. The other systems refuse what is
    locked. Groups, buses and sends of `start` stay with all systems.

    Args:
        tracks: Audio `(channels, time)` each, of one length.
        start: Names the tracks, their files and roles.
        system: One of `SYSTEMS`.
        target_lufs: The loudness of the mix, from -70 to 0; -18 if none is given. It is not
            reached where a limiter or the range of the gain stand against it.
        weights: A file that the training of a system in `LEARNT` has left; without one it has
            those of the package.
        amount: How far to go from the plain sum, 0, to the mix, 1 (`dasp.mixing.amount`). Any part
            of the way ends at the loudness, but 0 only at one that is given.

    Raises:
        ValueError: If the system, the loudness, the amount or the role of a track is none.
    """
    check_choice("system", system, SYSTEMS if weights is None else LEARNT)
    if target_lufs is not None:
        check_range("target_lufs", target_lufs, low=ABSOLUTE_GATE_LUFS, high=0.0)
    check_range("amount", amount, low=0.0, high=1.0)
    check_roles((track.role for track in start.tracks), "tracks[{}].role")
    if all(is_silent(track, start.sample_rate) for track in tracks):
        warnings.warn("every track is silent: no gain brings the mix to a loudness", stacklevel=2)
    find = SYSTEMS[system] if weights is None else LEARNT[system](weights)
    mix = find(tracks, start, TARGET_LUFS if target_lufs is None else target_lufs)
    if amount == 1:
        return mix
    part = blend(mix, amount, [track.shape[-2] == 1 for track in tracks])
    lufs = TARGET_LUFS if target_lufs is None and amount > 0 else target_lufs
    return part if lufs is None else at_loudness_again(part, tracks, lufs)


def missed_target(mix: Mix, audio: Tensor, target_lufs: float | None) -> str | None:
    """What there is to say of a mix that is not as loud as it was to be, for a person to read."""
    loudness = measure_loudness(audio, mix.sample_rate).item()
    if target_lufs is None or loudness <= ABSOLUTE_GATE_LUFS:
        return None
    if abs(loudness - target_lufs) <= NEAR_LU:
        return None
    gains_db = [stage.settings.get("gain_db") for stage in mix.master if stage.processor is GAIN]
    why = "what is locked or the limiter stand against it"
    if GAIN.params[0].high in gains_db:
        why = f"its gain of +{GAIN.params[0].high:g} dB is the most there is"
    return f"the mix has {loudness:.1f} LUFS and not the {target_lufs:g} asked for: {why}"


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
        mix = keep_routing(replace(mix, tracks=placed), start)
        return at_loudness(mix, tracks, target_lufs)

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
