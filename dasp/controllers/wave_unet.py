"""Mix-Wave-U-Net: from the waveforms of a drum kit's microphones straight to that of a mix.

There are no knobs in between, so no settings come out of it: it renders audio. Each microphone
has a slot of its own, which is silent where the microphone is missing.

Sources: M. A. Martínez Ramírez, D. Stoller and D. Moffat, "A deep learning approach to intelligent
drum mixing with the Wave-U-Net", JAES 69(3), 2021; D. Stoller, S. Ewert and S. Dixon,
"Wave-U-Net", ISMIR 2018. The same-padded variant is after automix-toolkit.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from dasp._bounds import between
from dasp._checks import check_choice, check_range
from dasp._texts import listed
from dasp.controllers.kit_slots import Filled, fill_slots, hihat_is_left
from dasp.controllers.trained_file import load_network
from dasp.mixing.song import Song
from dasp.signal.resample import resample
from dasp.weights import FOLDER

DRUM_SLOTS = (
    "hihat", "kick", "overhead_L", "overhead_R", "snare", "tom_1", "tom_2", "tom_3",
)  # fmt: skip
"""The eight microphones of the paper, in its order."""

WEIGHTS = FOLDER / "wave_unet.safetensors"
RECIPE = "wave_unet"

LOUDEST = 0.5
"""Peak of the plain sum of a kit that was prepared."""

TURNED = (
    "the overhead on the left is nearer to the hi-hat: the two change sides, and the kit is mixed "
    "as the audience sees it"
)

SLOPE = 0.2
"""Of the leaky rectifier below 0."""


@dataclass(frozen=True)
class Architecture:
    """A network and what it listens to; as it stands, the paper's.

    Args:
        slots: Names of the microphones, in order.
        sample_rate: In Hz, 1 or more.
        padding: Whether the input is longer than the output by its context, or convolutions pad
            zeros.
        levels: How often time is halved, 1 or more.
        filters: Of the first level; level i has i times as many.
        down_size: Taps of the convolutions on the way down, odd.
        up_size: Taps of those on the way up, odd.
        mixes: Names of the mixes that it makes, two channels each; one without a name is the first
            that a song has.
        prepared: Whether it knows kits as `prepared` leaves them.

    Raises:
        ValueError: If a number or the padding is out of range, or there is no mix.
    """

    slots: tuple[str, ...] = DRUM_SLOTS
    sample_rate: int = 44_100
    padding: Literal["valid", "same"] = "valid"
    levels: int = 10
    filters: int = 24
    down_size: int = 15
    up_size: int = 5
    mixes: tuple[str, ...] = ("",)
    prepared: bool = False

    def __post_init__(self):
        check_range("mixes", len(self.mixes), low=1, because="a network makes a mix")
        check_choice("padding", self.padding, ("valid", "same"))
        for name in ("sample_rate", "levels", "filters"):
            check_range(name, getattr(self, name), low=1)
        for name in ("down_size", "up_size"):
            if getattr(self, name) % 2 != 1:
                raise ValueError(f"{name}: expected an odd number, got {getattr(self, name)}")

    def network(self) -> "WaveUNet | PaddedWaveUNet":
        """Build the network with new weights.

        Returns:
            The network.
        """
        kind = WaveUNet if self.padding == "valid" else PaddedWaveUNet
        sizes = (self.levels, self.filters, self.down_size, self.up_size)
        return kind(len(self.slots), 2 * len(self.mixes), *sizes)


SAME_PADDED = Architecture(padding="same", levels=12, down_size=13, up_size=13)
"""The variant with the sizes of automix-toolkit."""


class WaveUNet(nn.Module):
    """Mix tracks by a Wave-U-Net whose convolutions see no zeros that are not in the signal.

    Only inputs from `lengths` fit, whose decimations lose nothing.

    Args:
        inputs: Number of tracks.
        outputs: Number of channels of the mix.
        levels: How often time is halved.
        filters: Channels of the first level; level i has i times as many.
        down_size: Taps of the convolutions on the way down.
        up_size: Taps of those on the way up.

    >>> network = WaveUNet(inputs=8, outputs=2, levels=10, filters=24, down_size=15, up_size=5)
    >>> network.lengths(88_200), network.context
    ((121843, 89093), 16375)
    """

    def __init__(
        self, inputs: int, outputs: int, levels: int, filters: int, down_size: int, up_size: int
    ):
        super().__init__()
        widths = [filters * i for i in range(1, levels + 2)]
        self.levels, self.down_size, self.up_size = levels, down_size, up_size
        self.down = nn.ModuleList(
            nn.Conv1d(above, own, down_size) for above, own in pairwise([inputs, *widths[:-1]])
        )
        self.bottleneck = nn.Conv1d(widths[-2], widths[-1], down_size)
        self.up = nn.ModuleList(
            nn.Conv1d(own + below, own, up_size) for own, below in pairwise(widths)
        )
        self.output = nn.Conv1d(filters + inputs, outputs, 1)
        for conv in (*self.down, self.bottleneck, *self.up, self.output):
            nn.init.xavier_uniform_(conv.weight)
            nn.init.zeros_(conv.bias)

    @property
    def context(self) -> int:
        """Samples on either side of the output that it is made from."""
        longer, shorter = self.lengths(1)
        return (longer - shorter) // 2

    def lengths(self, wanted: int) -> tuple[int, int]:
        """Find the shortest lengths that fit.

        Args:
            wanted: Samples of the output, at least.

        Returns:
            Length of the input and of the output.
        """
        output = wanted
        for _ in range(self.levels):
            output = (output + self.up_size + 1) // 2  # of 2 n - 1 samples a convolution leaves
        longest = output + self.down_size - 1
        for _ in range(self.levels):
            output = 2 * output - self.up_size
            longest = 2 * longest + self.down_size - 2
        return longest, output

    def forward(self, tracks: Tensor) -> Tensor:
        """Mix tracks.

        Args:
            tracks: Audio `(batch, inputs, time)`, of a length from `lengths`.

        Returns:
            The mix `(batch, outputs, time - 2 * context)`.

        Raises:
            ValueError: If the length does not fit.
        """
        fitting, _ = self.lengths(max(tracks.shape[-1] - 2 * self.context, 1))
        if fitting != tracks.shape[-1]:
            raise ValueError(
                f"tracks: expected a length that fits, such as {fitting}, got {tracks.shape[-1]}"
            )
        x, skips = tracks, []
        for convolve in self.down:
            x = nnf.leaky_relu(convolve(x), SLOPE)
            skips.append(x)
            x = x[..., ::2]
        x = nnf.leaky_relu(self.bottleneck(x), SLOPE)
        for convolve, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = _with_midpoints(x)
            x = nnf.leaky_relu(convolve(torch.cat([_centre(skip, x), x], -2)), SLOPE)
        return self.output(torch.cat([x, _centre(tracks, x)], -2))


class PaddedWaveUNet(nn.Module):
    """Mix tracks by a Wave-U-Net whose convolutions pad zeros at both ends.

    Decimation is by a convolution of its own, interpolation repeats samples, and levels are
    normalised over the batch. Samples nearer to an end than `context` know of the zeros.

    Args:
        inputs: Number of tracks.
        outputs: Number of channels of the mix.
        levels: How often time is halved.
        filters: Channels of the first level; level i has i times as many.
        down_size: Taps of the convolutions on the way down.
        up_size: Taps of those on the way up.
    """

    OUTPUT_SIZE = 5

    def __init__(
        self, inputs: int, outputs: int, levels: int, filters: int, down_size: int, up_size: int
    ):
        super().__init__()
        widths = [filters * i for i in range(1, levels + 1)]
        self.levels, self.down_size, self.up_size = levels, down_size, up_size
        self.down = nn.ModuleList(
            _normalised(above, own, down_size) for above, own in pairwise([inputs, *widths])
        )
        self.decimate = nn.ModuleList(
            nn.Conv1d(own, own, down_size, stride=2, padding=down_size // 2) for own in widths
        )
        self.bottleneck = nn.Conv1d(widths[-1], widths[-1], 1)
        self.up = nn.ModuleList(
            _normalised(own + below, own, up_size) for own, below in pairwise([*widths, widths[-1]])
        )
        self.output = nn.Conv1d(filters + inputs, outputs, self.OUTPUT_SIZE, padding="same")

    @property
    def context(self) -> int:
        """Samples on either side of an output that have a say in it, and whole coarsest steps."""
        step = 2**self.levels
        reach = (step - 1) * (2 * (self.down_size // 2) + self.up_size // 2 + 1)
        return step * -(-(reach + self.OUTPUT_SIZE // 2) // step)

    def lengths(self, wanted: int) -> tuple[int, int]:
        """Find the shortest lengths that fit.

        Args:
            wanted: Samples of the output that know nothing of the padded zeros, at least.

        Returns:
            Length of the input, and how many such samples it gives.
        """
        step = 2**self.levels
        output = step * -(-max(wanted, 1) // step)
        return output + 2 * self.context, output

    def forward(self, tracks: Tensor) -> Tensor:
        """Mix tracks.

        Args:
            tracks: Audio `(batch, inputs, time)`, of a length that is a multiple of 2^levels.

        Returns:
            The mix `(batch, outputs, time)`.

        Raises:
            ValueError: If the length does not fit.
        """
        if tracks.shape[-1] % 2**self.levels:
            raise ValueError(
                f"tracks: expected a length that is a multiple of {2**self.levels}, "
                f"got {tracks.shape[-1]}"
            )
        x, skips = tracks, []
        for convolve, decimate in zip(self.down, self.decimate, strict=True):
            x = convolve(x)
            skips.append(x)
            x = decimate(x)
        x = self.bottleneck(x)
        for convolve, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = convolve(torch.cat([skip, x.repeat_interleave(2, -1)], -2))
        return self.output(torch.cat([x, tracks], -2))


def render(network: "WaveUNet | PaddedWaveUNet", tracks: Tensor, *, window: int = 89_093) -> Tensor:
    """Mix a whole song, window by window and without seams.

    The song, with silence before and after it, goes through in windows whose outputs lie side by
    side. They begin at multiples of 2^levels samples, where decimation meets the same samples
    again, and give at most `window` samples each, or one such step. So there are no seams:
    windows of any length give the same mix, within rounding.

    Args:
        network: The network.
        tracks: Audio `(inputs, time)`.
        window: Samples of the mix that one window gives, at most.

    Returns:
        The mix `(outputs, time)` within [-1, 1].
    """
    time, step = tracks.shape[-1], 2**network.levels
    hop = step * max(1, window // step)
    length, _ = network.lengths(hop)
    starts = range(0, time, hop)
    padded = nnf.pad(tracks, (network.context, len(starts) * hop + length - time))
    parts = []
    for start in starts:
        mix = network(padded[None, :, start : start + length])[0]
        before = (mix.shape[-1] - length) // 2 + network.context
        parts.append(mix[:, before : before + hop])
    return between(torch.cat(parts, -1)[:, :time], -1.0, 1.0)


def load_wave_unet(path: Path) -> "tuple[WaveUNet | PaddedWaveUNet, Architecture]":
    """Read the network that `dasp train wave_unet` has left in a file.

    Args:
        path: The file.

    Returns:
        The network, ready for use, and its architecture.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    network, config = load_network(path, RECIPE, lambda config: _architecture(config).network())
    return network, _architecture(config)


def prepared(audio: Tensor, slots: tuple[str, ...], sample_rate: float) -> Tensor:
    """Bring a kit to the level at which it was learnt, as the audience sees it.

    The plain sum of the slots peaks at `LOUDEST`, and the overhead that is nearer to the hi-hat is
    the right one.

    Args:
        audio: Audio `(slots, time)`.
        slots: Names of the slots.
        sample_rate: In Hz.

    Returns:
        Audio `(slots, time)`; silence stays silence.
    """
    return _prepared(audio, slots, sample_rate)[0]


def _prepared(
    audio: Tensor, slots: tuple[str, ...], sample_rate: float
) -> tuple[Tensor, tuple[str, ...]]:
    """The kit, and what to say where it was turned round."""
    peak = audio.sum(0).abs().amax().clamp(min=torch.finfo(audio.dtype).tiny)
    audio = audio * (LOUDEST / peak) if audio.any() else audio
    if not hihat_is_left(audio, slots, sample_rate):
        return audio, ()
    order = list(range(len(slots)))
    left, right = slots.index("overhead_L"), slots.index("overhead_R")
    order[left], order[right] = right, left
    return audio[order], (TURNED,)


@torch.no_grad()
def wave_unet_mix(song: Song, weights: Path | None = None, *, mix: str = "") -> Tensor:
    """Mix a song by the network in a file of weights.

    Without a file it is the package's (`docs/wave_unet.md`). At another rate than the network's
    the tracks are resampled to that, and the mix back. A warning names the tracks that are not in
    the mix, and those that are heard together.

    Args:
        song: The tracks, their names and roles.
        weights: The file; that of the package where none is given.
        mix: Which of the network's mixes, such as dry or wet; the first where none is given.

    Returns:
        The mix `(2, time)`.

    Raises:
        ValueError: If no track has a slot, the network makes no such mix, or the file is of
            something else.
    """
    network, architecture = load_wave_unet(weights or WEIGHTS)
    mix = mix or architecture.mixes[0]
    check_choice("mix", mix, architecture.mixes)
    slots, rate, sample_rate = architecture.slots, architecture.sample_rate, song.sample_rate
    filled = fill_slots(song, slots)
    if len(filled.left_out) == len(song.names):
        raise ValueError(
            f"song: no microphone of a drum kit among {listed(song.names)}; the network hears "
            f"{', '.join(slots)}"
        )
    heard, remarks = filled.audio, _remarks(filled)
    if architecture.prepared:
        heard, turned = _prepared(heard, slots, sample_rate)
        remarks += turned
    own = render(network, resample(heard, sample_rate, rate))
    first = 2 * architecture.mixes.index(mix)
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    return resample(own[first : first + 2], rate, sample_rate)[:, : heard.shape[-1]]


def wave_unet_wet(song: Song, weights: Path | None = None) -> Tensor:
    """Make the wet mix of a song, as `wave_unet_mix` does.

    Args:
        song: The tracks, their names and roles.
        weights: The file; that of the package where none is given.

    Returns:
        The mix `(2, time)`.

    Raises:
        ValueError: If no track has a slot, the network makes no wet mix, or the file is of
            something else.
    """
    return wave_unet_mix(song, weights, mix="wet")


def _remarks(filled: Filled) -> list[str]:
    """What a person should know of what is heard, and what is not."""
    remarks = [
        f"{' and '.join(names)} are heard together, as {slot}"
        for slot, names in filled.together.items()
    ]
    if filled.left_out:
        remarks.append(f"not in the mix, since no slot is for them: {', '.join(filled.left_out)}")
    return remarks


def _architecture(config: Mapping[str, Any]) -> Architecture:
    return Architecture(**config["network"])


def _with_midpoints(x: Tensor) -> Tensor:
    """n samples to 2 n - 1: the same, and between any two of them their mean."""
    between = (x[..., :-1] + x[..., 1:]) / 2
    woven = torch.stack([x[..., :-1], between], -1).flatten(-2)
    return torch.cat([woven, x[..., -1:]], -1)


def _centre(x: Tensor, like: Tensor) -> Tensor:
    """The middle of a longer signal."""
    before = (x.shape[-1] - like.shape[-1]) // 2
    return x[..., before : before + like.shape[-1]]


def _normalised(inputs: int, outputs: int, size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, size, padding="same"),
        nn.BatchNorm1d(outputs),
        nn.PReLU(outputs),
    )
