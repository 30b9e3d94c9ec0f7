"""The converter (MixFXcloner): a network that gives music the style of other music.

Dilated convolutions over time, each of whose channels the embedding of a reference scales and
shifts (FiLM). In the paper's form they take the stereo waveform and make another. In the small form
they take, of each band of short-time spectra, how loud it is, how wide and on which side, and make
for each band and frame a gain, a width, and what of the mid goes to the side and back. They know
the style of the input beside that of the reference, and beside the embedding the means and
deviations that it is made from. Untrained the small form leaves music as it is.

Sources: J. Koo et al., "Music mixing style transfer: a contrastive learning approach to disentangle
audio effects", ICASSP 2023; E. Perez et al., "FiLM: visual reasoning with a general conditioning
layer", AAAI 2018.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dasp._bounds import between
from dasp._checks import check_choice, check_range
from dasp.controllers.console.features import BANDS, mel_filterbank
from dasp.controllers.style.embedding import shipped as shipped_encoder
from dasp.controllers.style.features import CHANNELS, band_levels
from dasp.controllers.style.network import RATE, moments
from dasp.signal.stft import istft, stft

FFT_SIZE, HOP = 2048, 512
"""Of the short-time spectra that the small form works on, in samples at `RATE`."""

SINE = FFT_SIZE / math.pi
"""What a lasting sine of amplitude 1 has in these spectra: half the sum of the window."""

SLOPE = 0.2
"""Of the leaky rectifier below 0."""

INPUTS = {"bands": 3 * BANDS, "waveform": 2}
OUTPUTS = {"bands": 4 * BANDS, "waveform": 2}

LARGEST = 5.0
"""No gain of a band is further from 1, in nepers, than this: 43 dB."""

EMBEDDING = 128
NUMBERS = 2 * CHANNELS + EMBEDDING
"""How many numbers stand for a style: see `style_of`."""


@dataclass(frozen=True)
class Size:
    """How large a converter is, and what it works on.

    Args:
        works_on: "bands" of short-time spectra, or the "waveform".
        blocks: How many; block n has taps 2^n inputs apart.
        kernel: Taps of each convolution, odd.
        width: Channels of each block.
        style: How many numbers stand for a style.
        hidden: Width of two layers that hear the styles of reference and input; 0 for none: the
            style of the reference alone then modulates the blocks.

    Raises:
        ValueError: If a number is out of range.
    """

    works_on: str = "bands"
    blocks: int = 5
    kernel: int = 3
    width: int = 112
    style: int = NUMBERS
    hidden: int = 128

    def __post_init__(self):
        check_choice("works_on", self.works_on, INPUTS)
        for name in ("blocks", "width", "style"):
            check_range(name, getattr(self, name), low=1)
        check_range("hidden", self.hidden, low=0)
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise ValueError(f"kernel: expected an odd number, got {self.kernel}")

    @property
    def receptive_field(self) -> int:
        """How many inputs over time, samples or frames, one output hears."""
        return 1 + (self.kernel - 1) * (2**self.blocks - 1)


PAPER = Size("waveform", blocks=14, kernel=15, width=128, style=2048, hidden=0)
"""The published converter; it does not train on a CPU."""


def style_of(x: Tensor, sample_rate: float) -> Tensor:
    """Compute the numbers that stand for the style of recordings.

    They are the means and the deviations over time of what the effect encoder of the package hears,
    and its embedding, as long as the square root of its numbers. Differentiable in `x`.

    Args:
        x: Audio `(*batch, 2, time)`.
        sample_rate: In Hz.

    Returns:
        `(*batch, NUMBERS)`.

    >>> style_of(0.1 * torch.randn(3, 2, 22_050), 44_100).shape[0]
    3
    """
    encoder = shipped_encoder().to(x.device)
    heard = encoder.hear(x, sample_rate)
    return torch.cat((*moments(heard), EMBEDDING**0.5 * encoder(heard)), -1)


class Converter(nn.Module):
    """Give audio the style that numbers stand for.

    Args:
        size: How large it is.

    >>> converter = Converter(Size(blocks=2, width=16, hidden=16)).eval()
    >>> x, style = 0.1 * torch.randn(1, 2, 4096), torch.randn(2, 1, NUMBERS)
    >>> torch.allclose(converter(x, *style), x, atol=1e-5)
    True
    """

    bank: Tensor
    bins: Tensor

    def __init__(self, size: Size = Size()):
        super().__init__()
        self.size = size
        inputs, outputs = INPUTS[size.works_on], OUTPUTS[size.works_on]
        heard = size.hidden or size.style
        self.style = nn.Sequential() if not size.hidden else nn.Sequential(
            nn.Linear(2 * size.style, size.hidden), nn.SiLU(),
            nn.Linear(size.hidden, size.hidden), nn.SiLU(),
        )  # fmt: skip
        self.blocks = nn.ModuleList(
            Block(size.width if n else inputs, size.width, size.kernel, 2**n, heard)
            for n in range(size.blocks)
        )
        self.output = nn.Conv1d(size.width, outputs, 1)
        if size.works_on == "bands":
            bank = mel_filterbank(FFT_SIZE // 2 + 1, RATE)
            self.register_buffer("bank", bank, persistent=False)
            self.register_buffer("bins", through_bands(bank), persistent=False)
            # What does not move with the music.
            self.at_rest = nn.Linear(heard + size.style, outputs)
            for weights in (*self.output.parameters(), *self.at_rest.parameters()):
                nn.init.zeros_(weights)

    @property
    def step(self) -> int:
        """Audio may be cut at multiples of so many samples."""
        return HOP if self.size.works_on == "bands" else 1

    @property
    def context(self) -> int:
        """Samples on either side that have a say in one sample of the output, in whole steps."""
        reach = self.size.receptive_field // 2
        # A frame reaches half of its length to either side, where its window is 0.
        return reach if self.size.works_on == "waveform" else HOP * (reach - 1) + FFT_SIZE

    def forward(self, x: Tensor, reference: Tensor, own: Tensor) -> Tensor:
        """Convert audio.

        Args:
            x: Audio `(batch, 2, time)` at `RATE`.
            reference: The wanted style, `(batch, style)`.
            own: The style of `x`, `(batch, style)`; not heard where nothing is hidden.

        Returns:
            Audio of the shape of `x`.
        """
        style = self.style(torch.cat((reference, own), -1) if self.size.hidden else reference)
        if self.size.works_on == "waveform":
            return between(self.output(self._through_blocks(x, style)), -1.0, 1.0)
        left, right = stft(x, FFT_SIZE, HOP, "sqrt_hann").unbind(-3)
        heard = torch.cat(band_levels(left / SINE, right / SINE, self.bank), -2)
        bands = self.output(self._through_blocks(heard, style))
        bands = bands + self.at_rest(torch.cat((style, reference - own), -1))[..., None]
        gain, width, to_side, to_mid = (self.bins @ bands.unflatten(-2, (4, BANDS))).unbind(-3)
        gain, width = (_bounded(part).exp() for part in (gain, width))
        mid, side = (left + right) / 2, (left - right) / 2
        new_mid, new_side = gain * (mid + to_mid * side), gain * (width * side + to_side * mid)
        new = torch.stack((new_mid + new_side, new_mid - new_side), -3)
        return istft(new, FFT_SIZE, HOP, x.shape[-1], "sqrt_hann")

    @torch.no_grad()
    def set_at_rest(self, weights: Tensor) -> None:
        """Let the gains at rest follow from how far the style of the reference is from the input's.

        Args:
            weights: From differences of styles to how much louder each band has to be, wider, and
                further to the left, where 1 is 20 dB: `(style, 3 BANDS)`.
        """
        # A side louder by u dB is tanh(u ln(10) / 40) of the mid in the side: about half of it.
        nepers = math.log(10) * weights.mT.unflatten(0, (3, BANDS))
        nepers[2] /= 2
        self.at_rest.weight[: 3 * BANDS, -self.size.style :] = nepers.flatten(0, 1)

    def _through_blocks(self, x: Tensor, style: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, style)
        return x


class Block(nn.Module):
    """Convolve, normalise, rectify and modulate, beside a way past.

    Args:
        inputs: Channels that come in.
        width: Channels that go out.
        kernel: Taps, odd.
        dilation: Distance of the taps.
        style: Length of what modulates.
    """

    def __init__(self, inputs: int, width: int, kernel: int, dilation: int, style: int):
        super().__init__()
        self.convolve = nn.Conv1d(inputs, width, kernel, dilation=dilation, padding="same")
        self.norm = nn.BatchNorm1d(width)
        self.film = nn.Linear(style, 2 * width)
        self.past = nn.Conv1d(inputs, width, 1, groups=math.gcd(inputs, width), bias=False)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """Process what came from the block before.

        Args:
            x: `(batch, inputs, time)`.
            style: `(batch, style)`.

        Returns:
            `(batch, width, time)`.
        """
        scale, shift = self.film(style)[..., None].chunk(2, -2)
        y = nn.functional.leaky_relu(self.norm(self.convolve(x)), SLOPE)
        return y * (1 + scale) + shift + self.past(x)


def _bounded(nepers: Tensor) -> Tensor:
    return LARGEST * torch.tanh(nepers / LARGEST)


def through_bands(bank: Tensor) -> Tensor:
    """Compute the weights that draw a curve through bands, level before the first and last.

    Args:
        bank: Weights of the bins of each band, `(bins, bands)`.

    Returns:
        Weights `(bins, bands)`, whose sum is 1 for each bin.
    """
    total = bank.sum(-1, keepdim=True)
    weights = bank / total.clamp(min=1e-9)
    covered = (total[:, 0] > 0).nonzero()[:, 0]
    weights[: covered[0]] = weights[covered[0]]
    weights[covered[-1] + 1 :] = weights[covered[-1]]
    return weights
