"""How much the compressors of a mix do."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from dasp.analysis.energy import block_energies
from dasp.analysis.excerpt import busiest_stretch
from dasp.mixing.mixdown import mix_stems, prepared_tracks
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import COMPRESSOR
from dasp.processors.gain_reduction import gain_reduction
from dasp.processors.strip import Strip
from dasp.signal.side_by_side import side_by_side
from dasp.signal.stft import frames

LISTEN_S, BLOCK_S = 6.0, 0.1
LOUD = 0.9
"""The reduction in loud moments is exceeded for a tenth of the time in which something plays."""

GLIMPSE_S, PAUSE = 0.02, 1e-4
"""Nothing plays in a glimpse whose power is 40 dB under the loudest one."""

Reductions = Mapping[tuple[str, str, int], float]


def reductions_at_work(tracks: Sequence[Tensor], mix: Mix) -> Reductions:
    """Measure the gain reduction of every compressor of a mix in its loud moments.

    At most 6 s of each are heard, where most plays; the reduction is one that is exceeded for a
    tenth of the time in which something does. Compressors on buses are left out, and so are mixes
    in which a setting moves.

    Args:
        tracks: Audio `(channels, time)` of each track.
        mix: The mix.

    Returns:
        The reduction in dB by "track", "group" or "master", the name, and the place in the strip.

    >>> from dasp.mixing.settings import Track
    >>> from dasp.processors.catalogue import COMPRESSOR
    >>> from dasp.processors.stage import Stage
    >>> strip = (Stage(COMPRESSOR, {"threshold_db": -20.0, "ratio": 2.0}),)
    >>> reductions_at_work([torch.ones(1, 8000)], Mix(8000, (Track("a", strip=strip),)))
    {('track', 'a', 0): 10.0}
    """
    strips = _strips(mix)
    at_work = any(_has_compressor(strip) for _, _, strip in strips) and tracks[0].shape[-1]
    if not at_work or any(stage.automation for _, _, strip in strips for stage in strip):
        return {}
    heard = prepared_tracks(tracks, mix)
    keys = {track.name: x for track, x in zip(mix.tracks, heard, strict=True)}
    found: dict[tuple[str, str, int], float] = {}

    def of_track(track: Track, whole: Tensor) -> dict[tuple[str, str, int], float]:
        part = _where_most_plays([whole], mix.sample_rate)
        there = {name: x[..., part] for name, x in keys.items()}
        x, channel = there[track.name], ("track", track.name)
        return _along(track.strip, x, mix.sample_rate, there, channel)

    compressed = [track for track in mix.tracks if _has_compressor(track.strip)]
    for of_one in side_by_side(of_track, compressed, [keys[track.name] for track in compressed]):
        found |= of_one
    if not any(_has_compressor(strip) for kind, _, strip in strips if kind != "track"):
        return found
    part = _where_most_plays(heard, mix.sample_rate)
    there = {name: x[..., part] for name, x in keys.items()}
    stems = mix_stems([x[..., part] for x in tracks], mix)
    silence = torch.zeros_like(stems[0].audio)
    for group in mix.groups:
        of_group = zip(stems, mix.tracks, strict=False)
        x = sum((s.audio for s, t in of_group if t.group == group.name), silence)
        if _has_compressor(group.strip):
            found |= _along(group.strip, x, mix.sample_rate, there, ("group", group.name))
    x = sum((stem.audio for stem in stems if stem.to_master), silence)
    if _has_compressor(mix.master):
        found |= _along(mix.master, x, mix.sample_rate, there, ("master", ""))
    return found


def _strips(mix: Mix) -> list[tuple[str, str, Strip]]:
    return [
        *(("track", track.name, track.strip) for track in mix.tracks),
        *(("group", group.name, group.strip) for group in mix.groups),
        ("master", "", mix.master),
    ]


def _has_compressor(strip: Strip) -> bool:
    return any(stage.processor is COMPRESSOR and stage.on for stage in strip)


def _along(
    strip: Strip, x: Tensor, rate: int, keys: Mapping[str, Tensor], channel: tuple[str, str]
) -> dict[tuple[str, str, int], float]:
    """The reduction of each compressor of a strip, which hears what those before it leave."""
    found = {}
    last = max(i for i, stage in enumerate(strip) if _has_compressor((stage,)))
    for i, stage in enumerate(strip[: last + 1]):
        if stage.processor is COMPRESSOR and stage.on:
            key = {"sidechain": keys[str(stage.sidechain)]} if stage.sidechain else {}
            reduction_db = gain_reduction(stage, x, rate, **key).amax(-2)
            found[(channel[0], channel[1], i)] = round(_in_loud_moments(reduction_db, x, rate), 1)
        x = stage.run(x, rate, keys)
    return found


def _where_most_plays(tracks: Sequence[Tensor], rate: int) -> slice:
    """A stretch of `LISTEN_S`, found by the powers of blocks, which are few."""
    size = max(1, round(BLOCK_S * rate))
    levels = (block_energies(x, size).sum(-2, keepdim=True).sqrt() for x in tracks)
    part = busiest_stretch(levels, round(LISTEN_S / BLOCK_S))
    return slice(part.start * size, part.stop * size)


def _means(y: Tensor, size: int) -> Tensor:
    """The means of blocks of a signal, of which the last is filled up by silence."""
    return frames(pad(y, (0, -y.shape[-1] % size)), size, size).mean(-1)


def _in_loud_moments(reduction_db: Tensor, x: Tensor, rate: int) -> float:
    """What is exceeded for a tenth of the time in which something plays."""
    size = max(1, round(GLIMPSE_S * rate))
    power, reduction_db = _means(x.square().mean(-2), size), _means(reduction_db, size)
    plays = power > PAUSE * power.max()
    ordered = reduction_db[plays].sort().values
    return ordered[min(int(LOUD * len(ordered)), len(ordered) - 1)].item() if len(ordered) else 0.0
