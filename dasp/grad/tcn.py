"""A network that imitates a processor: temporal convolutions that listen to its controls.

Sources: C. J. Steinmetz and J. D. Reiss, "Efficient neural networks for real-time modeling of
analog dynamic range compression", AES 152, 2022 (dilated causal convolutions, modulated by the
controls); E. Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

QUIETEST = 1e-4
"""The amplitude below which a sample counts as silence: -80 dB."""


class TCN(nn.Module):
    """Imitate a processor by temporal convolutions that its controls modulate.

    The output is x exp(a) + b, where a and b come from causal convolutions of x and of its level.
    Block n has convolutions of `kernel` taps, `dilation ** n` samples apart, and `width` channels,
    each of which the controls scale and shift (FiLM). Every audio channel is processed by itself.
    An untrained network leaves x as it is.

    Args:
        n_controls: Length of the last axis of `controls`.
        sample_rate: In Hz; it belongs to the weights, because taps have a length in seconds.
        width: Number of channels of each block.
        blocks: Number of blocks; with `kernel` and `dilation` it decides `receptive_field`.
        kernel: Number of taps of each convolution.
        dilation: Factor between the distances of the taps of two blocks.

    Source: C. J. Steinmetz and J. D. Reiss, "Efficient neural networks for real-time modeling of
    analog dynamic range compression", AES 152, 2022; E. Perez et al., "FiLM: visual reasoning with
    a general conditioning layer", AAAI 2018.

    >>> network = TCN(2, 44_100, width=4, blocks=2, kernel=3, dilation=8)
    >>> network.receptive_field
    19
    """

    def __init__(
        self,
        n_controls: int,
        sample_rate: float,
        *,
        width: int = 64,
        blocks: int = 4,
        kernel: int = 13,
        dilation: int = 8,
    ):
        super().__init__()
        self.n_controls, self.sample_rate = n_controls, sample_rate
        self.architecture = dict(width=width, blocks=blocks, kernel=kernel, dilation=dilation)
        # It runs once for an item and not for a sample, so that it may be large.
        films = nn.Linear(8 * width, 2 * width * blocks)
        self.conditioning = nn.Sequential(
            nn.Linear(n_controls, 8 * width),
            nn.SiLU(),
            nn.Linear(8 * width, 8 * width),
            nn.SiLU(),
            films,
        )
        self.gain = nn.Linear(n_controls, 1)  # The gain that controls have by themselves.
        self.pasts = [dilation**n * (kernel - 1) for n in range(blocks)]
        """How many samples of its past each block hears."""
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width if n else 2, width, kernel, dilation=dilation**n) for n in range(blocks)
        )
        self.activations = nn.ModuleList(nn.PReLU(width, init=0.5) for _ in range(blocks))
        self.output = nn.Conv1d(width, 2, 1)
        # An untrained network changes nothing, whatever the controls.
        for last in (self.output, self.gain, films):
            for weights in last.parameters():
                nn.init.zeros_(weights)

    @property
    def receptive_field(self) -> int:
        """How many samples one sample of the output hears."""
        return 1 + sum(self.pasts)

    def forward(self, x: Tensor, controls: Tensor) -> Tensor:
        """Process audio at given controls.

        Args:
            x: Audio `(*batch, channels, time)`.
            controls: In [0, 1], `(*batch, n_controls)`.

        Returns:
            Audio of the shape of `x`.
        """
        if x.shape[-1] == 0:
            return x
        controls = controls[..., None, :].expand(*x.shape[:-1], -1).reshape(-1, self.n_controls)
        heard = x.reshape(-1, 1, x.shape[-1])
        level = (heard.abs() + QUIETEST).log10() / 2 + 1  # -1 to 1
        hidden = torch.cat([heard, level], 1)
        films = self.conditioning(controls)[..., None].chunk(2 * len(self.convolutions), 1)
        for n, (convolve, activate, past) in enumerate(
            zip(self.convolutions, self.activations, self.pasts, strict=True)
        ):
            scale, shift = films[2 * n : 2 * n + 2]
            modulated = convolve(functional.pad(hidden, (past, 0))) * (1 + scale) + shift
            hidden = activate(modulated) + (hidden if n else 0)
        log_gain, added = self.output(hidden).split(1, 1)
        log_gain = log_gain + self.gain(controls)[..., None]
        # A bounded gain, ±70 dB, cannot overflow where training did not come.
        return (heard * (8 * torch.tanh(log_gain / 8)).exp() + added).reshape(x.shape)
