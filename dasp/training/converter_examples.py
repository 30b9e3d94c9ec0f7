"""What a converter of mixing style is trained on: audio of contents under many settings.

A rendering has some pieces of music, whose stems have lost their own effects, as they are and under
some settings, of which a few have had their effects normalised again. An example is one content as
it comes, another content under a setting, and the first content under that setting.

Source: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to disentangle
audio effects", ICASSP 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm

from dasp.audio_io import whole
from dasp.controllers.console.features import BANDS, mel_filterbank
from dasp.controllers.fxnorm import GROUPS, fx_normalise
from dasp.controllers.fxnorm.features import RATE
from dasp.controllers.style.converter import FFT_SIZE, style_of, through_bands
from dasp.signal.fft import irfft, rfft
from dasp.songs.multitrack import Multitrack
from dasp.songs.seeds import generator_for
from dasp.training.effect_examples import (
    CONTENT_TILT,
    SILENT_POWER,
    TILT,
    WARM_UP_S,
    draw_piece,
    draw_song,
    under_a_setting,
)

MIXES = 0.4
"""The share of examples that are mixes; the others are of one stem."""

FULL_SCALE = 32_767

PRICE = 0.3
"""Of weights that regress, beside what their numbers vary by."""

FILTER = 4096
"""Samples that the filters ring, at most."""


class Rendering(NamedTuple):
    """Pieces in columns: first as they came from normalisation, then under settings, then again.

    Args:
        audio: 16-bit samples `(GROUPS, pieces, columns, 2, time)` beside the largest of each.
        peak: The largest sample `(GROUPS, pieces, columns)`; 0 where nothing plays.
        styles: `(2, CLASSES, pieces, columns, NUMBERS)`, of the audio and of swapped sides.
    """

    audio: Tensor
    peak: Tensor
    styles: Tensor


class Example(NamedTuple):
    """What is converted, what it is to become, and the styles of the reference and of the input.

    Args:
        x: Audio `(*batch, 2, time)`.
        reference: Style `(*batch, NUMBERS)` of other music under the setting of the target.
        own: Style of the input.
        target: Audio of the shape of `x`.
    """

    x: Tensor
    reference: Tensor
    own: Tensor
    target: Tensor


@torch.no_grad()
def render_pieces(
    pieces: Tensor, settings: int, again: int, generator: torch.Generator
) -> Rendering:
    """Process pieces by drawn settings, and hear the style of what comes of it.

    Args:
        pieces: Audio `(pieces, GROUPS, 2, time)`, as `draw_piece` returns it.
        settings: How many settings are drawn.
        again: Of how many of them the effects are normalised again.
        generator: Draws the settings.

    Returns:
        Columns of the pieces as they are, under each setting, and normalised again.
    """
    stems = pieces.transpose(0, 1)[..., round(WARM_UP_S * RATE) :]
    columns = [stems, *(under_a_setting(pieces, generator)[1:] for _ in range(settings))]
    columns += [_normalised(column) for column in columns[1 : 1 + again]]
    audio = torch.stack(columns, 2)
    playing = audio.square().mean((-2, -1)) > SILENT_POWER
    peak = audio.abs().amax((-2, -1)) * playing.all(2, keepdim=True)
    heard = torch.cat((audio.sum(0, keepdim=True), audio))
    styles = [
        torch.stack([style_of(column, RATE) for column in side.unbind(2)], 2)
        for side in (heard, heard.flip(-2))
    ]
    steps = audio / peak[..., None, None].clamp(min=1e-9) * FULL_SCALE
    steps = steps.clamp(-FULL_SCALE, FULL_SCALE).round().to(torch.int16)
    return Rendering(steps, peak, torch.stack(styles))


def _normalised(stems: Tensor) -> Tensor:
    """The stems `(GROUPS, pieces, 2, time)` without the effects that they have got."""
    pieces = [fx_normalise(dict(zip(GROUPS, one, strict=True)), RATE) for one in stems.unbind(1)]
    return torch.stack([torch.stack([piece[group] for group in GROUPS]) for piece in pieces], 1)


@dataclass(frozen=True)
class Renderings:
    """Renderings that are made once and kept in a folder.

    Args:
        folder: Where they are kept; "" to make them every time.
        pieces: Pieces of each, two or more.
        settings: Settings of each.
        again: Of how many settings the effects are normalised again.
        recorded: Songs to draw from, beside made ones; one piece in four is theirs.
    """

    folder: str
    pieces: int = 2
    settings: int = 16
    again: int = 2
    recorded: tuple[Multitrack, ...] = ()

    def __call__(self, seed: int) -> Rendering:
        """Make the rendering of a seed.

        Args:
            seed: Decides on songs, places and settings.

        Returns:
            As `render_pieces` does.
        """
        size = f"{self.pieces}x{self.settings}+{self.again}"
        path = Path(self.folder) / f"rendering-{seed}-{size}.safetensors"
        if self.folder and path.exists():
            return Rendering(**load_file(path))
        generator = generator_for(seed, "rendering")
        songs = [
            draw_song(seed * self.pieces + i, self.recorded, generator) for i in range(self.pieces)
        ]
        pieces = torch.stack([draw_piece(song, generator) for song in songs])
        made = render_pieces(pieces, self.settings, self.again, generator)
        if self.folder:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as unfinished:
                save_file(made._asdict(), unfinished)
        return made

    def all(self, seeds: Sequence[int]) -> list[Rendering]:
        """Make the renderings of many seeds.

        Args:
            seeds: The seeds.

        Returns:
            The renderings, in their order.
        """
        return [self(seed) for seed in tqdm(seeds, desc="renderings", leave=False, disable=None)]


@dataclass(frozen=True)
class Conversions:
    """Draw examples from renderings.

    Args:
        renderings: What is drawn from.
        settings: How many settings each has; columns behind these were normalised again.
        frames: Length of an example in samples.
    """

    renderings: Sequence[Rendering]
    settings: int
    frames: int

    def __call__(self, generator: torch.Generator) -> Example:
        """Draw an example.

        Args:
            generator: Decides on all of it.

        Returns:
            The example, without an axis of the batch.
        """

        def below(count: int) -> int:
            return int(torch.randint(count, (), generator=generator))

        def happens(probability: float) -> bool:
            return bool(torch.rand((), generator=generator) < probability)

        audio, peak, styles = self.renderings[below(len(self.renderings))]
        kind = 0 if happens(MIXES) else 1 + below(len(GROUPS))
        columns = peak.shape[-1]
        playing = peak.amax(0) if kind == 0 else peak[kind - 1]
        if (playing > 0).all(-1).sum() < 2:
            kind, playing = 0, peak.amax(0)
        able = (playing > 0).all(-1).nonzero()[:, 0]
        content, other = able[torch.randperm(len(able), generator=generator)[:2]].tolist()
        setting, from_setting = 1 + below(self.settings), 1 + below(self.settings)
        clean = [0, *range(1 + self.settings, columns)]
        column = from_setting if happens(0.4) else clean[below(len(clean))]
        side = below(2)
        start = below(audio.shape[-1] - self.frames + 1)
        groups = slice(None) if kind == 0 else slice(kind - 1, kind)
        x, target = (
            _heard(audio[groups, content, i, :, start : start + self.frames],
                   peak[groups, content, i], flipped=side == 1)
            for i in (column, setting)
        )  # fmt: skip
        of = styles[side, kind]
        mine, theirs = (draw_tilt(CONTENT_TILT, generator) for _ in range(2))
        wanted = draw_tilt(TILT, generator)
        return Example(
            tilted(x, mine),
            style_under(of[other, setting], wanted + theirs),
            style_under(of[content, column], mine),
            tilted(target, wanted + mine),
        )


def ridge_regression(renderings: Sequence[Rendering], settings: int) -> Tensor:
    """Regress what becomes of a content under a setting on the styles of another and of the input.

    The answer of least squares with a price on large weights, over all contents, inputs and
    settings: where the style of the reference is so far from that of the input, the means of the
    target are so far from those of the input.

    Args:
        renderings: What is regressed.
        settings: How many settings each has.

    Returns:
        Weights `(NUMBERS, 3 BANDS)`, from differences of styles to differences of means: of how
        loud bands are, how wide, and on which side.
    """
    under = slice(1, 1 + settings)
    squares, products = torch.zeros(()), torch.zeros(())
    for _, peak, styles in renderings:
        playing = torch.cat((peak.amax(0, keepdim=True), peak)).amin((-2, -1)) > 0
        own = styles[:, playing].flatten(0, 1)  # (stems, pieces, columns, numbers)
        inputs, target = own[..., None, :, :], own[:, :, under, None, :]
        reference = own.roll(1, 1)[:, :, under, None, :]
        apart = (reference - inputs).flatten(0, -2).double()
        wanted = (target - inputs)[..., : 3 * BANDS].flatten(0, -2).double()
        squares = squares + apart.mT @ apart
        products = products + apart.mT @ wanted
    price = PRICE * squares.diagonal() + 1e-6 * squares.diagonal().amax()
    return torch.linalg.solve(squares + price.diag(), products).float()


def draw_tilt(most: float, generator: torch.Generator) -> Tensor:
    """Draw a smooth filter.

    Args:
        most: The largest gain of a band either way, where 1 is 20 dB.
        generator: Draws it.

    Returns:
        Gains `(BANDS,)`.
    """
    knots = most * (2 * torch.rand(1, 1, 6, generator=generator) - 1)
    return nn.functional.interpolate(knots, BANDS, mode="linear", align_corners=True)[0, 0]


def tilted(x: Tensor, tilt: Tensor) -> Tensor:
    """Filter audio without a delay.

    Args:
        x: Audio `(*batch, channels, time)` at `RATE`.
        tilt: Gains of the bands, `(BANDS,)`, where 1 is 20 dB.

    Returns:
        Audio of the shape of `x`.
    """
    curve = through_bands(mel_filterbank(FFT_SIZE // 2 + 1, RATE)) @ tilt
    size = x.shape[-1] + FILTER
    gain = nn.functional.interpolate(
        10 ** curve[None, None], size // 2 + 1, mode="linear", align_corners=True
    )
    return irfft(rfft(nn.functional.pad(x, (0, FILTER))) * gain[0, 0], size)[..., : x.shape[-1]]


def style_under(style: Tensor, tilt: Tensor) -> Tensor:
    """Compute the style of filtered music, but for what the filter does to its embedding.

    Args:
        style: Numbers `(NUMBERS,)`, of which the means of the bands are the first.
        tilt: Gains of the bands, `(BANDS,)`, where 1 is 20 dB.

    Returns:
        Numbers of the shape of `style`.
    """
    return style + nn.functional.pad(tilt, (0, len(style) - BANDS))


def _heard(steps: Tensor, peak: Tensor, *, flipped: bool) -> Tensor:
    x = (steps.float() * (peak / FULL_SCALE)[:, None, None]).sum(0)
    return x.flip(-2) if flipped else x
