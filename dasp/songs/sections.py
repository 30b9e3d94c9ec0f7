"""Where in a song to listen, and how loud: active sections, the loudest one, levels to LUFS."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp.analysis.excerpt import busiest_stretch
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, measure_loudness
from dasp.songs.multitrack import Multitrack
from dasp.units import db_to_gain


def active_sections(
    x: Tensor, sample_rate: float, *, seconds: float, floor_db: float = -48.0, share: float = 0.5
) -> list[int]:
    """Find the sections in which something plays.

    Sections of `seconds` follow each other without a gap. One is active where at least `share` of
    its tenths of a second has an RMS level over `floor_db`, in dB of full scale over all channels
    of `x` `(channels, time)`.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.
        seconds: Length of a section, one sample or more.
        floor_db: RMS level over all channels from which on a moment counts, in dB of full scale.
        share: Of the moments of a section that must count, above 0 and up to 1.

    Returns:
        The samples at which the sections begin.

    Raises:
        ValueError: If `seconds` or `share` is out of range.

    >>> x = torch.cat((torch.zeros(1, 2000), torch.ones(1, 1000)), -1)
    >>> active_sections(x, 1000, seconds=1.0)
    [2000]
    """
    check_range("share", share, above=0.0, high=1.0)
    size = _samples(x, sample_rate, seconds)
    part = max(1, size // max(1, round(10 * seconds)))
    parts = x[..., : x.shape[-1] // part * part].unflatten(-1, (-1, part))
    loud = parts.square().mean((0, -1)) > db_to_gain(floor_db) ** 2
    begins = range(0, x.shape[-1] - size + 1, size)
    inside = [loud[start // part : (start + size) // part] for start in begins]
    return [
        start for start, loud in zip(begins, inside, strict=True)
        if loud.double().mean() >= share
    ]  # fmt: skip


def loudest_section(x: Tensor, sample_rate: float, *, seconds: float) -> int:
    """Find the stretch of a signal that has most energy.

    Of several with the same energy the first; 0 for silence and for what is shorter.

    Args:
        x: Audio `(channels, time)`.
        sample_rate: In Hz.
        seconds: Length of the stretch, one sample or more.

    Returns:
        The sample at which it begins.

    Raises:
        ValueError: If `seconds` is out of range.
    """
    return busiest_stretch(x, _samples(x, sample_rate, seconds), hop=1).start


def loudest_part(song: Multitrack, *, seconds: float) -> Multitrack:
    """Cut out the part of a song whose sum has most energy.

    Args:
        song: The song; all of it is read.
        seconds: Length of the part, above 0.

    Returns:
        The same tracks in memory, and no mixes.

    Raises:
        ValueError: If `seconds` is out of range.
    """
    start = loudest_section(_summed(song.tracks), song.sample_rate, seconds=seconds)
    tracks = song.excerpt(start, round(seconds * song.sample_rate))
    recordings = tuple(
        recording._replace(source=track)
        for recording, track in zip(song.recordings, tracks, strict=True)
    )
    return replace(song, recordings=recordings, mixes=())


def _summed(tracks: Sequence[Tensor]) -> Tensor:
    return torch.stack([track.mean(0, keepdim=True) for track in tracks]).sum(0)


def to_loudness(x: Tensor, sample_rate: float, lufs: float) -> Tensor:
    """Bring audio to an integrated loudness; what is silent stays as it is.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        lufs: The loudness in LUFS.

    Returns:
        Audio of the shape of `x`.
    """
    loudness = measure_loudness(x, sample_rate)
    change_db = torch.where(loudness > ABSOLUTE_GATE_LUFS, lufs - loudness, 0)
    return x * db_to_gain(change_db)[..., None, None]


def _samples(x: Tensor, sample_rate: float, seconds: float) -> int:
    check_range("seconds", seconds, low=1 / sample_rate, because="one sample")
    return max(1, min(round(seconds * sample_rate), x.shape[-1]))
