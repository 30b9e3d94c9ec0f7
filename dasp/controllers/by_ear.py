"""Networks that set an equaliser and a compressor by ear, from what recordings sound like.

The estimator hears a processed recording and says what was done to it; the matcher hears a
recording and a reference and says what brings the one to the sound of the other.

Source of the matcher: C. J. Steinmetz, N. J. Bryan and J. D. Reiss, "Style transfer of audio
effects with differentiable signal processing", JAES 70(9), 2022, at a size that trains on one core.
"""

import torch
from torch import Tensor, nn

from dasp._bounds import at_least
from dasp.analysis import measure_crest_factor
from dasp.analysis.spectral import bark_filterbank
from dasp.processors.catalogue import COMPRESSOR, PARAMETRIC_EQ
from dasp.signal.stft import stft

FFT_SIZE, HOP, BANDS = 1024, 256, 22
RATE = 24_000
"""The sample rate at which the networks hear, in Hz."""


def eq_and_compressor(
    x: Tensor, sample_rate: float, *, eq_gain_db: Tensor, threshold_db: Tensor, ratio: Tensor
) -> Tensor:
    """Process audio by a parametric EQ of which only the gains move, and a compressor.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        eq_gain_db: Gains of the low shelf, four peaks and the high shelf in dB, `(*batch, 6)`.
        threshold_db: Threshold of the compressor in dB of full scale, `(*batch)`.
        ratio: Ratio of the compressor, `(*batch)`.

    Returns:
        Audio of the shape of `x`.
    """
    low, peaks, high = eq_gain_db.split([1, 4, 1], -1)
    gains_db = dict(
        low_shelf_gain_db=low[..., 0], peak_gain_db=peaks, high_shelf_gain_db=high[..., 0]
    )
    x = PARAMETRIC_EQ(x, sample_rate, **gains_db)
    return COMPRESSOR(x, sample_rate, threshold_db=threshold_db, ratio=ratio)


class Encoder(nn.Module):
    """Tell what a recording sounds like: numbers of its critical bands over time.

    Args:
        width: Channels of each of its two convolutions.
    """

    def __init__(self, width: int = 48):
        super().__init__()
        self.size = 2 * BANDS + 2 * width + 2
        self.convolutions = nn.Sequential(
            nn.Conv1d(BANDS, width, 7, stride=2), nn.ReLU(), nn.Conv1d(width, width, 7), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Listen.

        Args:
            x: Audio `(*batch, channels, time)` at `RATE`.

        Returns:
            Numbers `(*batch, size)`.
        """
        mono = x.mean(-2)
        magnitude = stft(mono, FFT_SIZE, HOP).abs().mT / (FFT_SIZE / 4)
        bank = bark_filterbank(magnitude.shape[-1], RATE)[:, :BANDS].to(x)
        bands = (_in_db(at_least(magnitude @ bank, 1e-4)) + 50) / 20
        hidden = self.convolutions(bands.mT)
        level_db = _in_db(at_least(mono.square().mean(-1, keepdim=True).sqrt(), 1e-4))
        crest_db = measure_crest_factor(x, RATE).mean(-1, keepdim=True)
        moments = [m for y in (bands.mT, hidden) for m in (y.mean(-1), y.std(-1))]
        return torch.cat([*moments, level_db / 20 + 1, crest_db / 10 - 1], -1)


class Estimator(nn.Module):
    """Estimate the controls of what a recording has been through.

    Args:
        n_controls: How many there are.
    """

    def __init__(self, n_controls: int):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(
            nn.Linear(self.encoder.size, 128), nn.ReLU(), nn.Linear(128, n_controls)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Listen to what was processed.

        Args:
            x: Audio `(*batch, channels, time)` at `RATE`.

        Returns:
            Controls `(*batch, n_controls)`.
        """
        return self.head(self.encoder(x)).sigmoid()


class Matcher(nn.Module):
    """Find the controls that make one recording sound as another does.

    Args:
        n_controls: How many there are.
    """

    def __init__(self, n_controls: int):
        super().__init__()
        self.encoder = Encoder()
        self.head = nn.Sequential(
            nn.Linear(2 * self.encoder.size, 128),
            nn.ReLU(),
            nn.Linear(128, 64),
            nn.ReLU(),
            nn.Linear(64, n_controls),
        )

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        """Listen to both.

        Args:
            x: Audio to be processed, `(*batch, channels, time)` at `RATE`.
            reference: Audio that it is to sound like.

        Returns:
            Controls `(*batch, n_controls)`.
        """
        heard, wanted = self.encoder(x), self.encoder(reference)
        return self.head(torch.cat([heard, wanted - heard], -1)).sigmoid()


def _in_db(amplitude: Tensor) -> Tensor:
    return 20 * amplitude.log10()
