"""The effect encoder (FXencoder): a network that hears what was done to a recording.

Residual convolutions over time. In the paper's form they hear the stereo waveform, and their mean
over time is the embedding. In the small form they hear `effect_features`; what is heard and what
comes of it are pooled to means and deviations, of which two layers make the embedding.

Source: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to disentangle
audio effects", ICASSP 2023.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dasp._checks import check_choice, check_range
from dasp.controllers.style.features import CHANNELS, effect_features
from dasp.signal.resample import resample

RATE = 44_100
"""The rate at which a network of the waveform hears, in Hz; features know of any."""

INPUTS = {"features": CHANNELS, "waveform": 2}


@dataclass(frozen=True)
class Size:
    """How large an encoder is, and what it hears.

    Args:
        hears: "features" or "waveform".
        channels: Width of each block.
        kernels: Taps of the two convolutions of each block.
        strides: How many inputs there are to one output of each block.
        hidden: Width of the layer between pooled values and embedding.
        embedding: Length of the embedding; 0 for the mean over time of the last block.

    Raises:
        ValueError: If blocks have no common number, or a number is out of range.
    """

    hears: str = "features"
    channels: tuple[int, ...] = (96, 128, 160)
    kernels: tuple[int, ...] = (5, 5, 3)
    strides: tuple[int, ...] = (2, 2, 2)
    hidden: int = 256
    embedding: int = 128

    def __post_init__(self):
        check_choice("hears", self.hears, INPUTS)
        if not len(self.channels) == len(self.kernels) == len(self.strides) > 0:
            raise ValueError(
                f"channels: expected as many as kernels and strides, got {len(self.channels)}, "
                f"{len(self.kernels)} and {len(self.strides)}"
            )
        for name in ("channels", "kernels", "strides"):
            check_range(name, min(getattr(self, name)), low=1)
        check_range("embedding", self.embedding, low=0)

    @property
    def receptive_field(self) -> int:
        """How many inputs over time one output of the last block hears."""
        field, distance = 1, 1
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            field += 2 * (kernel - 1) * distance
            distance *= stride
        return field


PAPER = Size(
    "waveform",
    channels=(16, 32, 64, 128, 256, 256, 512, 512, 1024, 1024, 2048, 2048),
    kernels=(25, 25, 15, 15, 10, 10, 10, 10, 5, 5, 5, 5),
    strides=(4, 4, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1),
    embedding=0,
)
"""The published encoder, of 2048 numbers; it does not train on a CPU."""


class EffectEncoder(nn.Module):
    """Turn what is heard into an embedding of length 1.

    Args:
        size: How large it is.

    >>> encoder = EffectEncoder(Size(channels=(8,), kernels=(3,), strides=(2,), embedding=16))
    >>> encoder(encoder.hear(torch.randn(3, 2, 22_050), 22_050)).shape
    torch.Size([3, 16])
    """

    def __init__(self, size: Size = Size()):
        super().__init__()
        self.size = size
        inputs = INPUTS[size.hears]
        widths = (inputs, *size.channels)
        shapes = zip(widths, size.channels, size.kernels, size.strides, strict=False)
        self.norm = nn.BatchNorm1d(inputs) if size.embedding else nn.Identity()
        self.blocks = nn.Sequential(*(Block(*shape) for shape in shapes))
        self.head = None if not size.embedding else nn.Sequential(
            nn.Linear(2 * (inputs + size.channels[-1]), size.hidden),
            nn.ReLU(),
            nn.Linear(size.hidden, size.embedding),
        )  # fmt: skip

    def hear(self, x: Tensor, sample_rate: float) -> Tensor:
        """Compute what the network hears of audio.

        Args:
            x: Audio `(*batch, 2, time)`.
            sample_rate: In Hz.

        Returns:
            `(*batch, inputs, time or frames)`.
        """
        if self.size.hears == "waveform":
            return resample(x, sample_rate, RATE)
        return effect_features(x, sample_rate)

    def forward(self, heard: Tensor) -> Tensor:
        """Embed what was heard.

        Args:
            heard: `(*batch, inputs, time)`, as `hear` returns it.

        Returns:
            Embeddings `(*batch, size)` of length 1.
        """
        x = self.norm(heard.flatten(0, -3) if heard.ndim > 2 else heard[None])
        y = self.blocks(x)
        pooled = y.mean(-1)
        if self.head is not None:
            pooled = self.head(torch.cat([m for z in (x, y) for m in moments(z)], -1))
        return nn.functional.normalize(pooled, dim=-1).reshape(*heard.shape[:-2], -1)


class Block(nn.Module):
    """Convolve beside a way past, then convolve to another width and rate.

    Args:
        inputs: Channels that come in.
        outputs: Channels that go out.
        kernel: Taps of either convolution.
        stride: How many inputs there are to one output.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int):
        super().__init__()
        self.edges = ((kernel - 1) // 2, kernel // 2)
        self.same = nn.Conv1d(inputs, inputs, kernel)
        self.other = nn.Conv1d(inputs, outputs, kernel, stride=stride)
        self.same_norm, self.other_norm = nn.BatchNorm1d(inputs), nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Process what came from the block before.

        Args:
            x: `(n, inputs, time)`.

        Returns:
            `(n, outputs, time / stride)`, 0 or more.
        """
        x = x + torch.relu(self.same_norm(self.same(self._with_edges(x))))
        return torch.relu(self.other_norm(self.other(self._with_edges(x))))

    def _with_edges(self, x: Tensor) -> Tensor:
        # What is too short to be reflected repeats its ends.
        mode = "reflect" if x.shape[-1] > max(self.edges) else "replicate"
        return nn.functional.pad(x, self.edges, mode=mode)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and standard deviation over time, with a gradient that is always finite.

    Args:
        x: `(..., time)`.

    Returns:
        Mean and deviation, `(...)` each.
    """
    return x.mean(-1), (x.var(-1, unbiased=False) + 1e-5).sqrt()
