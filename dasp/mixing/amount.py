"""Part of the way from a plain balance to a mix."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from dasp._checks import check_range
from dasp.mixing.fader import louder
from dasp.mixing.plain import plain_settings
from dasp.mixing.routing import SEND_OFF_DB, send_param
from dasp.mixing.settings import Mix, Track
from dasp.processors import Param
from dasp.processors.stage import Stage


def blend(mix: Mix, amount: float, mono: Sequence[bool]) -> Mix:
    """Interpolate from the plain sum of the tracks to a mix.

    Settings move as their controls do: a gain in dB, a frequency in octaves. What is locked stays;
    so do the strips of buses, whose sends move, and limiters, so that nothing clips.

    Args:
        mix: The mix.
        amount: 0 is the plain sum, 1 the mix, in [0, 1].
        mono: Whether each track is mono. In the centre a panner gives each side of a mono track
            3 dB less than the plain sum does; a gain makes up for it.

    Returns:
        The mix between the two.

    Raises:
        ValueError: If `amount` is outside its range, or `mono` has another length than the tracks.

    >>> from dasp.processors.catalogue import GAIN
    >>> mix = Mix(44_100, (Track("kick", strip=(Stage(GAIN, {"gain_db": -6.0}),)),))
    >>> blend(mix, 0.5, [True]).tracks[0].strip[0].settings
    {'gain_db': -3.0}
    """
    check_range("amount", amount, low=0.0, high=1.0)
    if amount == 1:
        return mix
    tracks = tuple(
        track if track.locked else _blend_track(track, amount, is_mono)
        for track, is_mono in zip(mix.tracks, mono, strict=True)
    )
    groups = tuple(replace(group, strip=_blend_strip(group.strip, amount)) for group in mix.groups)
    return replace(mix, tracks=tracks, groups=groups, master=_blend_strip(mix.master, amount))


def _blend_track(track: Track, amount: float, mono: bool) -> Track:
    strip = _blend_strip(track.strip, amount)
    panner = next((stage for stage in strip if stage.processor.name == "stereo_panner"), None)
    if mono and panner is not None and not panner.locked:
        centre_db = panner.settings.get("law_db", -3.0) / -3.0 * 10 * math.log10(2)
        strip = louder(strip, (1 - amount) * centre_db)
    sends_db = {
        bus: _blend_value(send_param(bus), SEND_OFF_DB, send_db, amount)
        for bus, send_db in track.sends_db.items()
    }
    return replace(track, strip=strip, sends_db=sends_db)


def _blend_strip(strip: Sequence[Stage], amount: float) -> tuple[Stage, ...]:
    return tuple(
        stage if _stays(stage) else _blend_stage(stage, amount)
        for stage in strip
        # A high-pass does something even at its mildest, where a plain sum has none.
        if _stays(stage) or amount > 0 or stage.processor.neutral is not None
    )


def _stays(stage: Stage) -> bool:
    return stage.locked or stage.processor.name == "limiter"


def _blend_stage(stage: Stage, amount: float) -> Stage:
    plain = plain_settings(stage.processor)
    defaults = stage.processor.defaults()
    settings, automation = dict(stage.settings), dict(stage.automation)
    for param in stage.processor.params:
        name = param.name
        if name in automation:
            automation[name] = [
                _blend_value(param, plain[name], value, amount) for value in automation[name]
            ]
        else:
            value = settings.get(name, defaults[name])
            settings[name] = _blend_value(param, plain[name], value, amount)
    return stage._replace(settings=settings, automation=automation)


def _blend_value(param: Param, plain: Any, value: Any, amount: float) -> Any:
    if plain == value:
        return value
    start, end = (param.to_control(torch.as_tensor(v, dtype=torch.float64)) for v in (plain, value))
    return _rounded(param.to_physical(torch.lerp(start, end, amount)).tolist())


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6)
