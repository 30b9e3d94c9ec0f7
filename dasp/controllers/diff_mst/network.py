"""Diff-MST's controller: a transformer over tracks, the two sides of a reference, bus and master.

In the paper's form two convolutional networks hear spectrograms of tracks and reference; in the
small form two layers hear the numbers of `hearing.py`, and how the controls stand, which it then
corrects. There may be any number of tracks in any order, and absent ones change nothing.

Source: S. S. Vanka et al., "Diff-MST: differentiable mixing style transfer", ISMIR 2024; the
encoder is Cnn14 of Q. Kong et al., "PANNs: large-scale pretrained audio neural networks for audio
pattern recognition", TASLP 2020.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from dasp._checks import check_choice, check_range
from dasp.controllers.diff_mst.hearing import MIX_NUMBERS, TRACK_NUMBERS
from dasp.mixing.console import Console, Controls
from dasp.processors.catalogue import GAIN, PARAMETRIC_EQ, STEREO_PANNER
from dasp.signal.stft import magnitude_spectra

CONSOLE = Console(strip=(PARAMETRIC_EQ, GAIN, STEREO_PANNER), buses={}, master=())
"""What the network of the package sets: equaliser, gain and pan of each track."""

NEAREST = 0.005
"""No control is nearer to an end of its range: a sigmoid has no slope there."""

POOLS = ((2, 2), (4, 4), (4, 2), (4, 2), (4, 2), (2, 2))
"""By how much each block of the encoder shortens frequency and time."""

TRACK, MIX, BUS, MASTER = range(4)


@dataclass(frozen=True)
class Size:
    """How large the network is, what it hears and how many controls it sets.

    Args:
        hears: "numbers" of `hearing.py`, or "spectra" of the audio.
        width: Length of a token.
        layers: Of the transformer.
        heads: Of each layer.
        feed_forward: Width of the layers between.
        channels: Width of each block of an encoder of spectra.
        track: Controls of a track.
        bus: Controls of the effect bus, 0 for none.
        master: Controls of the master, 0 for none.

    Raises:
        ValueError: If a number is out of range.
    """

    hears: str = "numbers"
    width: int = 96
    layers: int = 3
    heads: int = 4
    feed_forward: int = 192
    channels: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048)
    track: int = CONSOLE.n_controls
    bus: int = 0
    master: int = 0

    def __post_init__(self):
        check_choice("hears", self.hears, ("numbers", "spectra"))
        for name in ("width", "layers", "heads", "feed_forward", "track"):
            check_range(name, getattr(self, name), low=1)
        for name in ("bus", "master"):
            check_range(name, getattr(self, name), low=0)
        if self.width % self.heads:
            raise ValueError(f"width: expected a multiple of {self.heads} heads, got {self.width}")


PAPER = Size("spectra", 512, 12, 8, 2048, track=27, bus=25, master=26)
"""The published network and the controls of its console; it does not train on a CPU."""


class MixingStyleController(nn.Module):
    """Set a console by what is heard of tracks and of a reference mix.

    Args:
        size: How large it is.
        console: What it sets, which begins plain; without one every control begins at 0.5.

    >>> model = MixingStyleController(Size(width=8, layers=1, heads=2, feed_forward=8, track=5))
    >>> model(torch.randn(3, TRACK_NUMBERS), torch.randn(2, MIX_NUMBERS)).tracks.shape
    torch.Size([3, 5])
    """

    def __init__(self, size: Size = Size(), console: Console | None = None):
        super().__init__()
        self.size = size
        own = TRACK_NUMBERS + size.track
        self.of_track, self.of_mix = (_ears(size, n) for n in (own, MIX_NUMBERS))
        self.kinds = nn.Parameter(0.02 * torch.randn(4, size.width))
        layer = nn.TransformerEncoderLayer(
            size.width, size.heads, size.feed_forward, dropout=0.0, batch_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, size.layers, enable_nested_tensor=False)
        self.track, self.bus, self.master = (
            _head(size.width, controls) for controls in (size.track, size.bus, size.master)
        )
        self.plain = _plain(size, None if console is None else console.to_controls())

    def forward(
        self,
        tracks: Tensor,
        mix: Tensor,
        *,
        mask: Tensor | None = None,
        before: Tensor | None = None,
    ) -> Controls:
        """Set the controls.

        Args:
            tracks: `(*batch, tracks, TRACK_NUMBERS)`, or with spectra mono audio `(*batch, tracks,
                time)`.
            mix: `(*batch, 2, MIX_NUMBERS)`, or stereo audio `(*batch, 2, time)`.
            mask: True where there is a track, `(*batch, tracks)`; others change nothing.
            before: How the controls of the tracks stand, `(*batch, tracks, controls)`, which the
                result begins from; plain by default.

        Returns:
            Controls in [0, 1] of the tracks, the bus and the master.
        """
        batch, count = tracks.shape[:-2], tracks.shape[-2]
        tracks, mix = (x.reshape(-1, *x.shape[-2:]) for x in (tracks, mix))
        here = torch.ones(tracks.shape[:2], dtype=torch.bool, device=tracks.device)
        if mask is not None:
            here = mask.reshape(here.shape)
            tracks = torch.where(here[..., None], tracks, 0)
        plain_tracks, _, plain_bus, plain_master = self.plain
        if before is None:
            before = plain_tracks.to(mix).expand(*here.shape, -1)
        before = before.reshape(*here.shape, -1)
        if self.size.hears == "numbers":
            tracks = torch.cat((tracks, torch.where(here[..., None], before, 0)), -1)
        own = self.kinds.expand(len(tracks), -1, -1)
        tokens = torch.cat((
            self.of_track(tracks) + own[:, TRACK, None],
            self.of_mix(mix) + own[:, MIX, None],
            own[:, BUS:],
        ), -2)  # fmt: skip
        absent = torch.cat((~here, here.new_zeros(len(here), 4)), -1)
        said = self.transformer(tokens, src_key_padding_mask=absent)

        def controls(head: nn.Module | None, part: Tensor, begin: Tensor) -> Tensor | None:
            if head is None:
                return None
            return torch.sigmoid(torch.logit(begin.to(part), NEAREST) + head(part))

        of_tracks = controls(self.track, said[:, :count], before)
        of_bus = controls(self.bus, said[:, -2], plain_bus)
        of_master = controls(self.master, said[:, -1], plain_master)
        return Controls(*(
            None if x is None else x.reshape(*batch, *x.shape[1:])
            for x in (of_tracks, None, of_bus, of_master)
        ))  # fmt: skip


class SpectrumEncoder(nn.Module):
    """Turn audio into tokens: a convolutional network on compressed magnitudes.

    Args:
        size: Has the widths of its blocks and of a token.
    """

    def __init__(self, size: Size):
        super().__init__()
        blocks = []
        for (before, width), pool in zip(pairwise((1, *size.channels)), POOLS, strict=False):
            for inputs in (before, width):
                blocks += [
                    nn.Conv2d(inputs, width, 3, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                ]
            blocks.append(nn.AvgPool2d(pool, ceil_mode=True))
        self.blocks = nn.Sequential(*blocks)
        self.token = nn.Linear(size.channels[-1], size.width)

    def forward(self, x: Tensor) -> Tensor:
        """Listen to each channel by itself.

        Args:
            x: Audio `(n, channels, time)`.

        Returns:
            Tokens `(n, channels, width)`.
        """
        magnitudes = (magnitude_spectra(x, 2048, 512) + 1e-8) ** 0.3
        y = self.blocks(magnitudes.flatten(0, 1)[:, None]).mean(-2)
        return self.token(y.mean(-1) + y.amax(-1)).unflatten(0, x.shape[:2])


def small(console: Console) -> Size:
    """Choose the small size for a console.

    Args:
        console: What is to be set.

    Returns:
        The size, with the controls of that console.
    """
    return replace(
        Size(), track=console.n_controls, bus=console.n_bus_controls,
        master=console.n_master_controls,
    )  # fmt: skip


def _ears(size: Size, numbers: int) -> nn.Module:
    """What makes tokens of spectra, or of so many numbers."""
    if size.hears == "spectra":
        return SpectrumEncoder(size)
    width = size.width
    return nn.Sequential(nn.Linear(numbers, width), nn.ReLU(), nn.Linear(width, width))


def _head(width: int, controls: int) -> nn.Linear | None:
    """A layer that changes nothing before it has learnt anything."""
    if controls == 0:
        return None
    head = nn.Linear(width, controls)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def _plain(size: Size, known: Controls | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Controls of tracks, groups, bus and master that are plain, or in the middle if not known."""
    sizes = (size.track, 0, size.bus, size.master)
    given = (None,) * 4 if known is None else known
    track, group, bus, master = (
        torch.full((n,), 0.5) if one is None else one for n, one in zip(sizes, given, strict=True)
    )
    return track, group, bus, master
