"""Music in the style of other music, by a trained network: audio in, audio out.

The effects of the input are normalised first where it is known what kind of stem it is
(`dasp.controllers.fxnorm`); an encoder hears the references, and a converter does to the input what
it takes to sound like them. Levels are set apart: what is heard is brought to one loudness, and the
output to that of the references.

Source: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to disentangle
audio effects", ICASSP 2023.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_audio, check_choice, check_range, checked_sample_rate
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS, MOMENTARY_S, measure_loudness
from dasp.controllers.fxnorm import GROUPS, fx_normalise, group_stems
from dasp.controllers.fxnorm.features import load_features
from dasp.controllers.fxnorm.normalise import normalise_stem
from dasp.controllers.style.converter import Converter, Size, style_of
from dasp.controllers.style.network import RATE
from dasp.controllers.trained_file import load_network
from dasp.mixing.routing import as_stereo
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.units import db_to_gain
from dasp.weights import FOLDER

WEIGHTS = FOLDER / "style_converter.safetensors"
RECIPE = "style_converter"

SEGMENT = 2**17
"""Samples at `RATE` that are heard at once, about as many as in training."""

BLOCK = 2**19
"""Samples at `RATE` that are converted at once."""

MIX_LUFS = -25.0
"""The loudness at which mixes are heard, which they had in training."""


class HeardStyle(NamedTuple):
    """What is heard of references.

    Args:
        numbers: What stands for their style, `(NUMBERS,)`, as `style_of` has it.
        loudness_lufs: Their mean integrated loudness.
    """

    numbers: Tensor
    loudness_lufs: float


def hear_style(
    references: Sequence[Tensor], sample_rate: float, *, group: str | None = None
) -> HeardStyle:
    """Hear what was done to references.

    Args:
        references: Audio `(channels, time)` of each, mono or stereo, of any length from 0.4 s; of
            several the mean is heard.
        sample_rate: In Hz.
        group: "vocals", "drums", "bass" or "other" where they are stems; None for mixes.

    Returns:
        Their style.

    Raises:
        ValueError: If there is no reference, there is no such group, or one is no audio of one or
            two channels, too short, silent, or not finite.

    >>> x = 0.1 * torch.randn(2, 44_100)
    >>> hear_style([x], 44_100).numbers.ndim
    1
    """
    sample_rate = checked_sample_rate(sample_rate)
    _check_group(group)
    if not references:
        raise ValueError("references: expected one or more, got none")
    loudness = [_loudness(x, sample_rate, f"references[{i}]") for i, x in enumerate(references)]
    heard = [
        _mean_style(_at_loudness(_at_rate(x, sample_rate), lufs, group))
        for x, lufs in zip(references, loudness, strict=True)
    ]
    mean_lufs = sum(loudness) / len(loudness)
    return HeardStyle(torch.stack(heard).mean(0), mean_lufs)


def between(one: HeardStyle, other: HeardStyle, amount: float) -> HeardStyle:
    """Interpolate two styles.

    Args:
        one: A style.
        other: Another style.
        amount: 0 is the one, 1 the other, in [0, 1].

    Returns:
        The style between them.

    Raises:
        ValueError: If `amount` is outside its range.
    """
    check_range("amount", amount, low=0.0, high=1.0)
    numbers = torch.lerp(one.numbers, other.numbers, amount)
    lufs = (1 - amount) * one.loudness_lufs + amount * other.loudness_lufs
    return HeardStyle(numbers, lufs)


@torch.no_grad()
def convert(
    x: Tensor,
    sample_rate: float,
    style: HeardStyle,
    *,
    group: str | None = None,
    converter: Converter | None = None,
) -> Tensor:
    """Give music a style.

    Args:
        x: Audio `(channels, time)` of a mix or a stem, mono or stereo.
        sample_rate: In Hz.
        style: What it is to sound like, as `hear_style` returns it.
        group: "vocals", "drums", "bass" or "other" where `x` is a stem, whose own effects are then
            normalised first; None for a mix, or where nobody knows.
        converter: The network; without one that of the package.

    Returns:
        Audio `(2, time)`, as loud as the references of the style; silence stays silent.

    Raises:
        ValueError: If `x` is no finite audio of one or two channels, or there is no such group.

    Source: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to
    disentangle audio effects", ICASSP 2023.

    >>> x, record = 0.1 * torch.randn(2, 2, 44_100)
    >>> convert(x, 44_100, hear_style([record], 44_100)).shape
    torch.Size([2, 44100])
    """
    _check_heard(x, "x")
    sample_rate = checked_sample_rate(sample_rate)
    _check_group(group)
    if x.shape[-1] == 0:
        return as_stereo(x).clone()
    converter = shipped().to(x.device) if converter is None else converter
    heard = _at_rate(x, sample_rate)
    if group is not None:
        heard = normalise_stem(heard, RATE, load_features()[group], group=group)
    lufs = measure_loudness(heard, RATE).item()
    if lufs <= ABSOLUTE_GATE_LUFS:
        return as_stereo(x).clone()
    heard = _at_loudness(heard, lufs, group)
    y = render(converter, heard, style.numbers, _mean_style(heard))
    own = measure_loudness(y, RATE).item()
    if own > ABSOLUTE_GATE_LUFS:
        y = y * db_to_gain(style.loudness_lufs - own)
    return resample(y, RATE, sample_rate)[:, : x.shape[-1]].to(x.dtype)


def render(
    converter: Converter, x: Tensor, reference: Tensor, own: Tensor, *, block: int = BLOCK
) -> Tensor:
    """Convert music block by block and without seams.

    Each block is heard with as much before and after it as has a say in it, so that blocks of any
    length give the same samples, within rounding.

    Args:
        converter: The network.
        x: Audio `(2, time)` at `RATE`.
        reference: The wanted style, `(NUMBERS,)`.
        own: The style of `x`.
        block: Samples of the output that are made at once, at most; one step of the network at
            least.

    Returns:
        Audio of the shape of `x`.
    """
    hop = converter.step * max(1, block // converter.step)
    parts = []
    for start in range(0, x.shape[-1], hop):
        first = max(0, start - converter.context)
        heard = x[None, :, first : start + hop + converter.context]
        y = converter(heard, reference[None], own[None])[0]
        parts.append(y[:, start - first : start - first + hop])
    return torch.cat(parts, -1)


@torch.no_grad()
def style_transfer(
    song: Song, *, references: Sequence[Tensor], weights: Path | None = None
) -> Tensor:
    """Mix a song in the style of other mixes.

    The effects of its stems are normalised, and the sum of the stems is converted.

    Args:
        song: The tracks, their names and roles.
        references: Finished mixes of any music at the rate of the song, `(channels, time)` each.
        weights: A file that `dasp train style_converter` has left; without one those of the
            package.

    Returns:
        The mix `(2, time)`.

    Raises:
        ValueError: If there is no reference, or nothing is to be heard in one.
    """
    style = hear_style(references, song.sample_rate)
    stems = fx_normalise(group_stems(song), song.sample_rate)
    converter = shipped() if weights is None else load_converter(weights)
    return convert(sum(stems.values(), torch.zeros(())), song.sample_rate, style,
                   converter=converter)  # fmt: skip


def load_converter(path: str | Path = WEIGHTS) -> Converter:
    """Read a converter from the weights that `dasp train style_converter` wrote.

    Args:
        path: The file; that of the package where none is given.

    Returns:
        The converter, ready for use.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    return load_network(path, RECIPE, lambda config: Converter(Size(**config["size"])))[0]


shipped = cache(load_converter)
"""`load_converter` of the file of the package, which is read once."""


def _loudness(x: Tensor, sample_rate: float, name: str) -> float:
    """The integrated loudness of a reference that says something."""
    _check_heard(x, name)
    if x.shape[-1] < MOMENTARY_S * sample_rate:
        raise ValueError(
            f"{name}: expected {MOMENTARY_S:g} s or more, got {x.shape[-1] / sample_rate:.2g} s"
        )
    lufs = measure_loudness(as_stereo(x), sample_rate).item()
    if lufs <= ABSOLUTE_GATE_LUFS:
        raise ValueError(f"{name}: expected music, got silence")
    return lufs


def _check_group(group: str | None) -> None:
    if group is not None:
        check_choice("group", group, GROUPS)


def _check_heard(x: Tensor, name: str) -> None:
    check_audio(x, name)
    if x.ndim != 2 or x.shape[0] not in (1, 2):
        raise ValueError(f"{name}: expected (1 or 2 channels, time), got shape {tuple(x.shape)}")
    if not x.isfinite().all():
        raise ValueError(f"{name}: expected finite samples")


def _at_rate(x: Tensor, sample_rate: float) -> Tensor:
    return as_stereo(resample(x.float(), sample_rate, RATE))


def _at_loudness(x: Tensor, own_lufs: float, group: str | None) -> Tensor:
    """Audio at the loudness at which its kind is heard."""
    lufs = MIX_LUFS if group is None else load_features()[group].loudness_lufs
    return x * db_to_gain(lufs - own_lufs)


def _mean_style(x: Tensor) -> Tensor:
    """The mean style of segments, but for those in which hardly anything plays."""
    segments = [part for part in x.split(SEGMENT, -1) if part.shape[-1] == SEGMENT] or [x]
    power = torch.stack([part.square().mean() for part in segments])
    playing = [part for part, own in zip(segments, power, strict=True) if own > 0.01 * power.mean()]
    return torch.stack([style_of(part, RATE) for part in playing]).mean(0)
