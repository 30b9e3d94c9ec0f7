"""The Wave-U-Net that FxNorm-automix is compared with.

As published it has the short cuts of a Wave-U-Net and none of its changes of resolution (a stride
of 1): seventeen convolutions of five taps, so that a sample of the mix is made from 69 of the
stems, and from what the norms know of the whole excerpt. Here convolutions pad zeros.

Sources: M. A. Martínez-Ramírez et al., "Automatic music mixing with deep learning and out-of-domain
data", ISMIR 2022; D. Stoller, S. Ewert and S. Dixon, "Wave-U-Net", ISMIR 2018.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn

from dasp._checks import check_range
from dasp.controllers.fxnorm.features import GROUPS
from dasp.controllers.fxnorm.network import INPUTS, LOUDER, SIDES

NORMALISED_TOGETHER = 8
"""Channels that a norm measures together, where a level can be parted so."""


@dataclass(frozen=True)
class BaselineSize:
    """How large a `BaselineNetwork` is; as it stands, the paper's.

    Args:
        filters: Channels of the first level; each level has twice as many as the one above.
        levels: How many.
        kernel: Taps of all convolutions, odd.
        stride: How many samples of a level become one of the next.
        hears_stems: Whether the last convolution hears the stems, as in D. Stoller et al., and
            begins as their sum, `LOUDER` times.
        guard: Samples at either end of an excerpt that no loss hears.

    Raises:
        ValueError: If a number is out of range.
    """

    filters: int = 24
    levels: int = 5
    kernel: int = 5
    stride: int = 1
    hears_stems: bool = False
    guard: int = 505 * 64 + 63 + 63 - 34

    def __post_init__(self):
        for name in ("filters", "levels", "kernel", "stride"):
            check_range(name, getattr(self, name), low=1)
        check_range("guard", self.guard, low=0)
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel: expected an odd number, got {self.kernel}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(self.filters * 2**i for i in range(self.levels))

    def network(self) -> "BaselineNetwork":
        """Build the network with new weights.

        Returns:
            The network.
        """
        return BaselineNetwork(self)


class BaselineNetwork(nn.Module):
    """Mix stems by a Wave-U-Net.

    Args:
        size: How large it is.

    >>> BaselineNetwork(BaselineSize(filters=4, levels=2))(torch.zeros(1, 8, 100)).shape
    torch.Size([1, 2, 100])
    """

    def __init__(self, size: BaselineSize):
        super().__init__()
        self.size = size
        widths, taps = size.widths, size.kernel
        above = (INPUTS, *widths[1:-1])
        self.before = nn.ModuleList(
            _convolution(a, own, taps) for a, own in zip(above, widths[:-1], strict=True)
        )
        self.down = nn.ModuleList(_convolution(own, below, taps) for own, below in pairwise(widths))
        self.bottom = _convolution(widths[-1], widths[-1], taps)
        self.up = nn.ModuleList(_convolution(below, own, taps) for own, below in pairwise(widths))
        self.joined = nn.ModuleList(_convolution(2 * own, own, taps) for own in widths[:-1])
        heard = widths[0] + (INPUTS if size.hears_stems else 0)
        self.output = nn.Conv1d(heard, SIDES, 1)
        if size.hears_stems:
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)  # type: ignore[arg-type]
            added = LOUDER * torch.eye(SIDES).repeat(1, len(GROUPS))
            self.output.weight.data[:, widths[0] :, 0] = added

    @property
    def guard(self) -> int:
        """Samples at either end of an excerpt that no loss hears."""
        return self.size.guard

    def forward(self, stems: Tensor) -> Tensor:
        """Mix stems.

        Args:
            stems: Audio `(batch, 8, time)`: left and right of vocals, drums, bass and other.

        Returns:
            The mix `(batch, 2, time)`.
        """
        time, whole = stems.shape[-1], self.size.stride ** (self.size.levels - 1)
        stems = nnf.pad(stems, (0, -time % whole))
        x, skips = stems, []
        for before, down in zip(self.before, self.down, strict=True):
            skips.append(before(x))
            x = nnf.avg_pool1d(down(skips[-1]), self.size.stride)
        x = self.bottom(x)
        for up, joined in zip(reversed(self.up), reversed(self.joined), strict=True):
            x = up(x.repeat_interleave(self.size.stride, -1))
            x = joined(torch.cat((x, skips.pop()), -2))
        if self.size.hears_stems:
            x = torch.cat((x, stems), -2)
        return self.output(x)[..., :time]


def _convolution(inputs: int, outputs: int, taps: int) -> nn.Sequential:
    parts, left = divmod(outputs, NORMALISED_TOGETHER)
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, taps, padding="same"),
        nn.GroupNorm(1 if left else parts, outputs),
        nn.ReLU(),
    )
