"""FxNorm-automix's network: masks on filtered stems, which add up to the mix.

A convolution takes the stems apart into channels, and its transpose puts them together again. What
a channel is multiplied by in between comes from how loud all channels are, frame by frame: temporal
convolutions hear the neighbourhood of a frame, recurrent layers all that was before and comes
after, and a last gate hears all channels at once.

Sources: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022; Y. Luo and N. Mesgarani, "Conv-TasNet", TASLP 27(8), 2019; C. Tallec and Y.
Ollivier, "Can recurrent neural networks warp time?", ICLR 2018 (how the gates of memory begin).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from dasp._bounds import at_least
from dasp._checks import check_range
from dasp.controllers.fxnorm.features import GROUPS

SIDES = 2
INPUTS = SIDES * len(GROUPS)
"""Left and right of each stem."""

LOUDER = 2.5
"""Normalised stems add up to a song about 8 dB below its mix."""

FAINTEST = 1e-4
"""What is quieter in a channel is as good as silence, -80 dB."""

LONGEST_MEMORY = 32
"""Frames that a gate of memory holds on to in the beginning, at most."""


@dataclass(frozen=True)
class MaskSize:
    """How large a `MaskNetwork` is; as it stands, the paper's.

    Args:
        filters: Channels that the stems are taken apart into, an even number.
        kernel: Taps of their filters, and samples of a frame; even.
        smoothing: Taps of the filters that smooth how loud a channel is.
        bottleneck: Channels between the blocks.
        hidden: Channels within a block.
        skip: Channels that a block adds to the sum of all.
        blocks: Blocks of a repeat; the taps of block n are 2^n frames apart.
        repeats: How often the blocks come again.
        recurrent: Recurrent layers, each in both directions.
        expansion: How many times wider the gate is than what it hears.
        dropout: Between the recurrent layers, 0 or more and below 1.
        logarithmic: Whether it is the logarithm of loudness that is heard, so that a quiet channel
            counts as a loud one does.

    Raises:
        ValueError: If a number is out of range.
    """

    filters: int = 128
    kernel: int = 64
    smoothing: int = 128
    bottleneck: int = 256
    hidden: int = 128
    skip: int = 64
    blocks: int = 6
    repeats: int = 4
    recurrent: int = 3
    expansion: int = 16
    dropout: float = 0.1
    logarithmic: bool = False

    def __post_init__(self):
        for name in (
            "filters", "kernel", "smoothing", "bottleneck", "hidden", "skip", "blocks", "repeats",
            "recurrent", "expansion",
        ):  # fmt: skip
            check_range(name, getattr(self, name), low=1)
        check_range("dropout", self.dropout, low=0, below=1)
        for name in ("filters", "kernel"):
            if getattr(self, name) % 2:
                raise ValueError(f"{name}: expected an even number, got {getattr(self, name)}")

    @property
    def receptive_field(self) -> int:
        """Frames from which the temporal convolutions make one."""
        return 1 + self.repeats * (Block.TAPS - 1) * (2**self.blocks - 1)

    @property
    def guard(self) -> int:
        """Samples at either end of an excerpt that its ends have a say in: no loss hears them."""
        return self.receptive_field * self.kernel + 2 * (self.kernel - 1)

    def network(self) -> "MaskNetwork":
        """Build the network with new weights.

        Returns:
            The network.
        """
        return MaskNetwork(self)


class MaskNetwork(nn.Module):
    """Mix stems by masks on the channels that a convolution takes them apart into.

    Args:
        size: How large it is.

    >>> size = MaskSize(filters=16, kernel=8, bottleneck=4, hidden=4, skip=4, repeats=1)
    >>> MaskNetwork(size)(torch.zeros(1, 8, 100)).shape
    torch.Size([1, 2, 100])
    """

    def __init__(self, size: MaskSize):
        super().__init__()
        self.size = size
        self.filters = nn.Conv1d(INPUTS, size.filters, size.kernel, bias=False)
        self.smooth = nn.Conv1d(size.filters, size.filters, size.smoothing, groups=size.filters)
        self.enter = nn.Sequential(
            nn.GroupNorm(1, size.filters), nn.Conv1d(size.filters, size.bottleneck, 1)
        )
        count = size.repeats * size.blocks
        self.blocks = nn.ModuleList(
            Block(size, apart=2 ** (i % size.blocks), is_last=i + 1 == count) for i in range(count)
        )
        self.leave = nn.Sequential(nn.PReLU(), nn.Conv1d(size.skip, size.filters, 1), nn.Softplus())
        self.recurrent = nn.LSTM(
            size.filters, size.filters // 2, size.recurrent, batch_first=True, bidirectional=True,
            dropout=size.dropout if size.recurrent > 1 else 0.0,
        )  # fmt: skip
        self.gate = nn.Sequential(
            nn.Linear(size.filters, size.expansion * size.filters),
            nn.ReLU(),
            nn.Linear(size.expansion * size.filters, size.filters),
            nn.Sigmoid(),
        )
        _let_memory_last(self.recurrent, LONGEST_MEMORY)

    @property
    def guard(self) -> int:
        """Samples at either end of an excerpt that its ends have a say in."""
        return self.size.guard

    def forward(self, stems: Tensor) -> Tensor:
        """Mix stems.

        Args:
            stems: Audio `(batch, 8, time)`: left and right of vocals, drums, bass and other.

        Returns:
            The mix `(batch, 2, time)` within [-1, 1].
        """
        time = stems.shape[-1]
        channels = self.take_apart(nnf.pad(stems, (0, -time % self.size.kernel)))
        masks = self.masks(self.loudness(channels))
        frames = _in_frames(channels, self.size.kernel)
        # The mean magnitude of what the masks let through: they are above 0.
        gains = self.gate((frames.abs().mean(-1) * masks).mean(-1))
        channels = frames * (masks * gains[..., None])[..., None]
        return self.put_together(channels.flatten(-2)).tanh()[..., :time]

    def take_apart(self, stems: Tensor) -> Tensor:
        """Filter the stems.

        Args:
            stems: Audio `(batch, 8, time)`.

        Returns:
            Channels `(batch, filters, time)`.
        """
        return self.filters(_around(stems, self.size.kernel))

    def put_together(self, channels: Tensor) -> Tensor:
        """Filter channels by the same filters backwards, and add the stems up.

        Args:
            channels: As `take_apart` returns them.

        Returns:
            Audio `(batch, 2, time)`.
        """
        of_the_mix = self.filters.weight.unflatten(1, (len(GROUPS), SIDES)).sum(1)
        first = (self.size.kernel - 1) // 2
        whole = nnf.conv_transpose1d(channels, of_the_mix)
        return whole[..., first : first + channels.shape[-1]]

    def loudness(self, channels: Tensor) -> Tensor:
        """Hear how loud channels are, frame by frame.

        Args:
            channels: As `take_apart` returns them.

        Returns:
            Above 0, or its logarithm, `(batch, filters, frames)`.
        """
        around = _around(channels.abs(), self.size.smoothing)
        smooth = _in_frames_convolved(around, self.smooth.weight[:, 0], self.size.kernel)
        _, bias = self.smooth.parameters()
        loudest = smooth.amax(-1) + bias[:, None]
        if self.size.logarithmic:
            return at_least(loudest, FAINTEST).log()
        return nnf.softplus(loudest)

    def masks(self, loudness: Tensor) -> Tensor:
        """Find what channels are multiplied by.

        Args:
            loudness: As the method of that name returns it.

        Returns:
            Above 0, of the shape of `loudness`.
        """
        x, total = self.enter(loudness), torch.zeros(())
        for block in self.blocks:
            x, skipped = block(x)
            total = total + skipped
        heard, _ = self.recurrent(self.leave(total).mT)
        return nnf.softplus(heard.mT)


class Block(nn.Module):
    """A dilated convolution of each channel by itself between two that mix channels.

    Args:
        size: Channels within and around.
        apart: Frames between its taps.
        is_last: Whether no block follows that would hear more than the sum of all.
    """

    TAPS = 3

    def __init__(self, size: MaskSize, *, apart: int, is_last: bool):
        super().__init__()
        hidden = size.hidden
        self.inside = nn.Sequential(
            nn.Conv1d(size.bottleneck, hidden, 1),
            nn.PReLU(),
            nn.GroupNorm(1, hidden),
            nn.Conv1d(hidden, hidden, self.TAPS, dilation=apart, padding="same", groups=hidden),
            nn.PReLU(),
            nn.GroupNorm(1, hidden),
        )
        self.on = None if is_last else nn.Conv1d(hidden, size.bottleneck, 1)
        self.skip = nn.Conv1d(hidden, size.skip, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve.

        Args:
            x: `(batch, bottleneck, frames)`.

        Returns:
            What the next block hears, and `(batch, skip, frames)` for the sum of all.
        """
        inside = self.inside(x)
        return x if self.on is None else x + self.on(inside), self.skip(inside)


@torch.no_grad()
def begin_as_a_sum(network: MaskNetwork) -> None:
    """Let a network begin as little more than the sum of the stems, `LOUDER` times.

    Each side of each stem has channels of its own, octave by octave: the undecimated transform by
    orthogonal wavelets, whose transpose is its inverse. In the paper the filters come to that by
    training them as an auto-encoder. What the masks and the gate let through before training is
    made up for.

    Args:
        network: Its filters are set, and the gate's last layer begins at 0.

    Raises:
        ValueError: If as many octaves have no room in so few taps.
    """
    size = network.size
    bands = octave_filters(size.filters // INPUTS, size.kernel)
    passed = nnf.softplus(torch.zeros(())) * torch.sigmoid(torch.zeros(()))
    middle_and_side = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) * 0.5**0.5
    of_all = torch.kron(torch.eye(len(GROUPS)), middle_and_side)
    own = torch.einsum("ci,bt->cbit", of_all, bands).flatten(0, 1)
    network.filters.weight.zero_()
    network.filters.weight[: len(own)] = own * (LOUDER / passed).sqrt()
    for last in network.gate[2].parameters():
        last.zero_()
    taps, offset = network.smooth.parameters()
    taps.fill_(1 / taps.shape[-1])
    offset.zero_()


def octave_filters(bands: int, taps: int) -> Tensor:
    """Design filters whose powers add up to 1 at every frequency, an octave each.

    They are those of the undecimated wavelet transform: by the wavelet of I. Daubechies with two
    vanishing moments while there is room, and by Haar's in the lowest octaves.

    Args:
        bands: How many: the highest octave, ..., and all below the last.
        taps: Room for each of them.

    Returns:
        Filters `(bands, taps)`, the highest octave first.

    Raises:
        ValueError: If there is no room.

    Source: G. P. Nason and B. W. Silverman, "The stationary wavelet transform and some statistical
    applications", 1995.

    >>> power = torch.fft.rfft(octave_filters(6, 64), 256).abs().square().sum(0)
    >>> bool((power - 1).abs().max() < 1e-5)
    True
    """
    if bands < 1 or 2 ** (bands - 1) > taps:
        raise ValueError(f"bands: expected 1 to {taps.bit_length()} in {taps} taps, got {bands}")
    root = 3**0.5
    daubechies = torch.tensor([1 + root, 3 + root, 3 - root, 1 - root], dtype=torch.float64) / 8
    haar = torch.tensor([0.5, 0.5], dtype=torch.float64)
    spare = taps - 2 ** (bands - 1)
    rest, filters = torch.ones(1, dtype=torch.float64), []
    for i in range(bands - 1):
        apart = 2**i
        low = haar
        if spare >= 2 * apart:
            low, spare = daubechies, spare - 2 * apart
        signs = torch.tensor([1.0, -1.0] * (len(low) // 2), dtype=torch.float64)
        filters.append(_dilated(rest, low.flip(0) * signs, apart))
        rest = _dilated(rest, low, apart)
    return torch.stack([nnf.pad(x, (0, taps - len(x))) for x in (*filters, rest)]).float()


def _dilated(x: Tensor, taps: Tensor, apart: int) -> Tensor:
    """A filter behind another one whose taps are so far apart."""
    wide = torch.zeros(apart * (len(taps) - 1) + 1, dtype=taps.dtype)
    wide[::apart] = taps
    return nnf.conv1d(x[None, None], wide.flip(0)[None, None], padding=len(wide) - 1)[0, 0]


def _let_memory_last(recurrent: nn.LSTM, longest: int) -> None:
    """Gates that hold on to what they have for 1 to `longest` frames, drawn evenly."""
    for name, bias in recurrent.named_parameters():
        if "bias" not in name:
            continue
        gates = bias.data.unflatten(0, (4, -1))  # input, forget, cell, output
        gates[:2] = 0.0
        if "bias_ih" in name:
            gates[1] = torch.empty_like(gates[1]).uniform_(1, longest - 1).log()
            gates[0] = -gates[1]


def _in_frames(x: Tensor, frame: int) -> Tensor:
    return x.unflatten(-1, (-1, frame))


def _in_frames_convolved(x: Tensor, taps: Tensor, frame: int) -> Tensor:
    """Convolve each channel by itself, `(batch, channels, frames, frame)`, without its ends.

    As products of frames and matrices, whose gradient takes a tenth of the time of a convolution's.
    """
    spans = -(-(frame + taps.shape[-1] - 1) // frame)
    count = (x.shape[-1] - taps.shape[-1] + 1) // frame
    frames = _in_frames(nnf.pad(x, (0, (count + spans - 1) * frame - x.shape[-1])), frame)
    room = spans * frame - taps.shape[-1]
    wide = nnf.pad(taps, (frame - 1, room))
    shifted = wide.unfold(-1, spans * frame, 1).flip(-2)  # (channels, frame, spans * frame)
    parts = shifted.unflatten(-1, (spans, frame)).unbind(-2)
    total = torch.zeros(())
    for i, part in enumerate(parts):
        total = total + frames[..., i : i + count, :] @ part.mT
    return total


def _around(x: Tensor, taps: int) -> Tensor:
    """Zeros for a convolution that keeps the length, as many before as behind or one fewer."""
    return nnf.pad(x, ((taps - 1) // 2, taps // 2))
