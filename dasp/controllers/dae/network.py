"""The auto-encoder: one frame of magnitudes in, that of the stem out.

Every hidden layer is first trained alone, as the encoder of a shallow auto-encoder of what the
layers under it make of raw frames; then all are fine-tuned together, from raw frames to those of
the stem.

Source: M. A. Martínez Ramírez and J. D. Reiss, "Stem audio mixing as a content-based transformation
of audio features", Workshop on Intelligent Music Production, 2017.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from dasp._checks import check_choice, check_range
from dasp.units import db_to_gain

FURTHEST_DB = 24.0
"""How far a network of the form "gain" turns a bin up or down."""


@dataclass(frozen=True)
class Size:
    """The sizes of a network; those of the poster are `POSTER`.

    Args:
        fft_size: Samples of a frame, even, 4 or more.
        hidden: Neurons of a hidden layer, 1 or more.
        layers: How many hidden layers there are, 1 or more.
        dropout: Probability of a neuron to be silent in training, 0 or more and under 1.
        form: What the output layer says: the "spectrum" of the stem, as on the poster, or a "gain"
            of each bin of the raw frame, whose logarithms it then hears.

    Raises:
        ValueError: If a number is out of range, or there is no such form.

    >>> Size(fft_size=2048).bins
    1025
    """

    fft_size: int = 512
    hidden: int = 128
    layers: int = 3
    dropout: float = 0.2
    form: Literal["spectrum", "gain"] = "gain"

    def __post_init__(self):
        check_range("fft_size", self.fft_size, low=4)
        if self.fft_size % 2:
            raise ValueError(f"fft_size: expected an even number, got {self.fft_size}")
        for name in ("hidden", "layers"):
            check_range(name, getattr(self, name), low=1)
        check_range("dropout", self.dropout, low=0, below=1)
        check_choice("form", self.form, ("spectrum", "gain"))

    @property
    def bins(self) -> int:
        """Frequencies of a frame, from 0 to half of the sample rate."""
        return self.fft_size // 2 + 1


POSTER = Size(fft_size=2048, hidden=1024, form="spectrum")
"""Those of the poster: 1025 - 3 x 1024 - 1025."""


class AutoEncoder(nn.Module):
    """Turn frames of a raw track to those of its stem.

    Args:
        size: The sizes.
    """

    def __init__(self, size: Size = POSTER):
        super().__init__()
        self.size = size
        widths = [size.bins, *[size.hidden] * size.layers]
        self.hidden = nn.ModuleList(nn.Linear(above, own) for above, own in pairwise(widths))
        self.output = nn.Linear(size.hidden, size.bins)
        self.dropout = nn.Dropout(size.dropout)
        if size.form == "gain":
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def forward(self, raw: Tensor) -> Tensor:
        """Say what the stem is like.

        A spectrum is rectified in use and not in training, where a bin that has begun below 0 would
        have no gradient, and stay there.

        Args:
            raw: Magnitudes `(*batch, bins)`, 0 or more.

        Returns:
            Magnitudes of the same shape.
        """
        said = self.output(self.codes(raw, self.size.layers))
        if self.size.form == "gain":
            return raw * db_to_gain(FURTHEST_DB * said.tanh())
        return said if self.training else said.relu()

    def codes(self, raw: Tensor, layers: int) -> Tensor:
        """Run the first of the hidden layers.

        Args:
            raw: Magnitudes `(*batch, bins)`, 0 or more.
            layers: How many; of none it is what the first layer hears.

        Returns:
            What the last of them says, `(*batch, width)`.
        """
        x = raw.log1p() if self.size.form == "gain" else raw
        for layer in self.hidden[:layers]:
            x = self.dropout(layer(x).relu())
        return x


class Networks(nn.Module):
    """An auto-encoder of its own for each group of instruments.

    Args:
        groups: The names of the groups.
        size: The sizes of each.
    """

    def __init__(self, groups: Sequence[str], size: Size):
        super().__init__()
        self.size = size
        self.groups = tuple(groups)
        self.each = nn.ModuleList(AutoEncoder(size) for _ in groups)

    def of(self, group: str) -> AutoEncoder:
        """Find the network of a group.

        Args:
            group: Its name.

        Returns:
            The network.
        """
        return self.each[self.groups.index(group)]  # type: ignore[return-value]

    def forward(self, raw: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Say what the stems are like.

        Args:
            raw: Magnitudes `(*batch, bins)` by the name of the group.

        Returns:
            Magnitudes by the name of the group.
        """
        return {group: self.of(group)(x) for group, x in raw.items()}


class ShallowAutoEncoders(nn.Module):
    """One hidden layer of every network as the encoder of what the layers under it say.

    That layer and a decoder, which is thrown away, are all that asks for a gradient.

    Args:
        networks: The networks.
        depth: Number of the hidden layer, from 1.
    """

    def __init__(self, networks: Networks, depth: int):
        super().__init__()
        self.networks, self.depth = networks, depth
        networks.requires_grad_(False)
        size = networks.size
        heard = size.bins if depth == 1 else size.hidden
        self.decoders = nn.ModuleList(nn.Linear(size.hidden, heard) for _ in networks.groups)
        for group in networks.groups:
            networks.of(group).hidden[depth - 1].requires_grad_(True)

    def forward(self, raw: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
        """Encode and decode.

        Args:
            raw: Magnitudes `(*batch, bins)` by the name of the group.

        Returns:
            By the name of the group, what came out and what went in, `(*batch, width)`.
        """
        both = {}
        for group, decoder in zip(self.networks.groups, self.decoders, strict=True):
            network = self.networks.of(group)
            with torch.no_grad():
                heard = network.codes(raw[group], self.depth - 1)
            code = network.dropout(network.hidden[self.depth - 1](heard).relu())
            both[group] = (decoder(code), heard)
        return both
