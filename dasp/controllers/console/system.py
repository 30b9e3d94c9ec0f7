"""The trained console as a system, with the rules for material that it does not know."""

import warnings
from pathlib import Path

from dasp.controllers.console.mix import UnlikeError, load_trained, mix_by, shipped
from dasp.controllers.locked import work_around
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.mixing.settings import Mix
from dasp.mixing.song import Song


def trained_console(
    song: Song, start: Mix, target_lufs: float, *, weights: Path | None = None
) -> Mix:
    """Find the settings of a song by a trained console, around what is locked.

    Args:
        song: The tracks, their names and roles.
        start: The mix to start from.
        target_lufs: Loudness of the mix.
        weights: A file of weights; those of the package where none is given.

    Returns:
        The mix.
    """
    trained = shipped() if weights is None else load_trained(weights)
    try:
        found = mix_by(trained, song, start, target_lufs=target_lufs)
    except UnlikeError as error:
        warnings.warn(
            f"the console does not know material like this: {error}; mixed by rules", stacklevel=3
        )
        return rule_mix(song, start, target_lufs=target_lufs)
    return work_around(found, song, start, target_lufs)
