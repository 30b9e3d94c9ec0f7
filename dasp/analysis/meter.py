"""Loudness and peaks of audio that comes in blocks, such as a file of hours.

The numbers are those of `dasp.analysis.loudness` for the whole signal. What is kept of it is one
power for each tenth of a second, and as much of its end as the filters hear.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._checks import check_audio, checked_sample_rate
from dasp.analysis.channel_weights import channel_weights
from dasp.analysis.loudness import (
    HOP_S,
    MOMENTARY_S,
    SHORT_TERM_S,
    _gated,
    _loudness,
    _mean,
    _percentile,
    design_k_weighting,
)
from dasp.signal.iir import sosfilt
from dasp.signal.true_peak import REACH, peaks_between
from dasp.units import gain_to_db

FINE_HOP_S = 0.01
"""How often the momentary loudness is looked at, whose maximum may be short."""

_AT_ONCE_S = 10.0


class Loudness(NamedTuple):
    """The loudness of a programme, as a meter displays it.

    Args:
        integrated_lufs: Integrated loudness in LUFS, as `measure_loudness` computes it.
        range_lu: Loudness range in LU, as `measure_loudness_range` computes it.
        max_momentary_lufs: Largest loudness of a block of 0.4 s, every 0.01 s, in LUFS.
        max_short_term_lufs: Largest loudness of a block of 3 s, every 0.1 s, in LUFS.

    >>> Loudness(-23.0, 5.0, -18.0, -20.0).range_lu
    5.0
    """

    integrated_lufs: float
    range_lu: float
    max_momentary_lufs: float
    max_short_term_lufs: float


class LoudnessMeter:
    """Measure the loudness of audio that comes in blocks.

    Args:
        sample_rate: In Hz, above 3364.
        channels: Number of channels.
        layout: The loudspeaker of each channel, as `channel_weights` takes it.
        dual_mono: Whether a single channel counts twice (+3.01 dB).

    Raises:
        ValueError: If `channel_weights` has no weights for the channels, or the rate is too low.

    >>> from dasp.analysis import measure_loudness
    >>> x = 0.1 * torch.randn(2, 48_000)
    >>> meter = LoudnessMeter(48_000, 2)
    >>> for block in x.split(1000, -1):
    ...     meter.hear(block)
    >>> bool(abs(meter.loudness().integrated_lufs - measure_loudness(x, 48_000)) < 0.01)
    True
    """

    def __init__(
        self, sample_rate: float, channels: int,
        *, layout: str | Sequence[str] | None = None, dual_mono: bool = False,
    ):  # fmt: skip
        self._sample_rate = sample_rate = checked_sample_rate(sample_rate)
        weights = channel_weights(channels, layout, dual_mono=dual_mono)
        self._weights = torch.tensor(weights, dtype=torch.float64)
        self._sos = design_k_weighting(sample_rate)
        self._state: Tensor | None = None
        self._coarse = _Hops(round(HOP_S * sample_rate))
        self._fine = _Hops(max(1, round(FINE_HOP_S * sample_rate)))
        # Of numbers, and no tensors, which would lie between the blocks that come and go.
        self._powers = array("d")
        self._recent = torch.zeros(0, dtype=torch.float64)
        self._max_momentary = -1.0

    def hear(self, x: Tensor) -> None:
        """Take in the next block.

        Args:
            x: Audio `(channels, time)` of any length.

        Raises:
            ValueError: If `x` has another number of channels.
        """
        _check_block(x, len(self._weights))
        for part in x.split(max(1, round(_AT_ONCE_S * self._sample_rate)), -1):
            if part.shape[-1]:
                self._hear(self._filtered(part))

    def loudness(self) -> Loudness:
        """Return the loudness of all blocks so far, as one programme.

        Returns:
            Integrated loudness, loudness range, and the highest momentary and short-term loudness.

        Raises:
            ValueError: If no sample has come yet.
        """
        if self._state is None:
            raise ValueError("x: expected at least one sample to measure, got none")
        momentary = self._blocks(MOMENTARY_S)
        short_term = self._blocks(SHORT_TERM_S)
        most = max(self._max_momentary, momentary.max().item())
        return Loudness(
            _integrated(momentary),
            _range(short_term).item(),
            _loudness(torch.tensor(most, dtype=torch.float64)).item(),
            _loudness(short_term.max()).item(),
        )

    def _filtered(self, x: Tensor) -> Tensor:
        """The power of each sample, summed over channels."""
        y, self._state = sosfilt(x.detach().cpu(), self._sos, self._state)
        return self._weights @ y.double().square()

    def _hear(self, power: Tensor) -> None:
        self._powers.extend(self._coarse.means(power).tolist())
        blocks = round(MOMENTARY_S / FINE_HOP_S)
        recent = torch.cat((self._recent, self._fine.means(power)))
        if len(recent) >= blocks:
            loudest = recent.unfold(0, blocks, 1).mean(-1).max().item()
            self._max_momentary = max(self._max_momentary, loudest)
        self._recent = recent[-(blocks - 1) :]

    def _blocks(self, block_s: float) -> Tensor:
        """The power of every block; a signal shorter than one block is completed with silence."""
        count = round(block_s / HOP_S)
        powers = torch.tensor(self._powers, dtype=torch.float64)
        if len(powers) < count:
            held = self._coarse.held
            missing = (count - len(powers)) * self._coarse.size - len(held)
            silence = torch.zeros(len(self._weights), missing, dtype=torch.float64)
            y, _ = sosfilt(silence, self._sos, self._state)
            ringing = self._weights @ y.double().square()
            rest = torch.cat((held, ringing)).unflatten(0, (-1, self._coarse.size)).mean(-1)
            powers = torch.cat((powers, rest))
        return powers.unfold(0, count, 1).mean(-1)


def album_lufs(meters: Sequence[LoudnessMeter]) -> float:
    """Measure the integrated loudness of the programmes of several meters, as one programme.

    Args:
        meters: The meters of the parts, each of which may have had any number of samples.

    Returns:
        Loudness in LUFS.

    >>> songs = 0.1 * torch.randn(2, 1, 48_000)
    >>> meters = [LoudnessMeter(48_000, 1), LoudnessMeter(48_000, 1)]
    >>> for meter, song in zip(meters, songs):
    ...     meter.hear(song)
    >>> each = [meter.loudness().integrated_lufs for meter in meters]
    >>> min(each) - 0.1 < album_lufs(meters) < max(each) + 0.1
    True
    """
    momentary = torch.cat([meter._blocks(MOMENTARY_S) for meter in meters])
    return _integrated(momentary)


class PeakMeter:
    """Measure the peaks of audio that comes in blocks.

    Args:
        sample_rate: In Hz.
        channels: Number of channels, 1 or more.

    Raises:
        ValueError: If `sample_rate` is not a positive number, or `channels` no whole number above
            0.

    >>> meter = PeakMeter(48_000, 1)
    >>> meter.hear(torch.tensor([[0.5, -0.25]]))
    >>> round(meter.sample_peak_db(), 2)
    -6.02
    """

    def __init__(self, sample_rate: float, channels: int):
        self._sample_rate = checked_sample_rate(sample_rate)
        if isinstance(channels, bool) or not isinstance(channels, int) or channels < 1:
            raise ValueError(f"channels: expected a whole number, 1 or more, got {channels!r}")
        self._channels = channels
        self._held: Tensor | None = None
        """The end of what was heard, of which the last `REACH` samples wait for more."""
        self._waiting = 0
        self._true_peak = self._sample_peak = 0.0

    def hear(self, x: Tensor) -> None:
        """Take in the next block.

        Args:
            x: Audio `(channels, time)` of any length.

        Raises:
            ValueError: If `x` has another number of channels.
        """
        _check_block(x, self._channels)
        for part in x.split(max(1, round(_AT_ONCE_S * self._sample_rate)), -1):
            if part.shape[-1]:
                self._hear(part.detach().cpu())

    def true_peak_db(self) -> float:
        """Return the true peak of all blocks so far.

        Returns:
            The largest of `measure_true_peak` over the channels, in dBTP.

        Raises:
            ValueError: If no sample has come yet.
        """
        if self._held is None:
            raise ValueError("x: expected at least one sample to measure, got none")
        time = self._held.shape[-1]
        rest = peaks_between(self._held)[:, time - self._waiting :]
        return gain_to_db(max(self._true_peak, rest.max().item()))

    def sample_peak_db(self) -> float:
        """Return the largest sample of all blocks so far.

        Returns:
            The largest of `measure_peak` over the channels, in dBFS.
        """
        return gain_to_db(self._sample_peak)

    def _hear(self, x: Tensor) -> None:
        self._sample_peak = max(self._sample_peak, x.abs().max().item())
        signal = x if self._held is None else torch.cat((self._held, x), -1)
        time = signal.shape[-1]
        first = time - x.shape[-1] - self._waiting
        last = max(first, time - REACH)
        if last > first:
            peak = peaks_between(signal)[:, first:last].max().item()
            self._true_peak = max(self._true_peak, peak)
        self._waiting = time - last
        self._held = signal[:, max(0, last - REACH) :].clone()


class _Hops:
    """Means over hops of one size, of a signal that comes in blocks."""

    def __init__(self, size: int):
        self.size = size
        self.held = torch.zeros(0, dtype=torch.float64)

    def means(self, power: Tensor) -> Tensor:
        """Means of the hops that this block completes."""
        power = torch.cat((self.held, power))
        whole = len(power) // self.size * self.size
        self.held = power[whole:].clone()
        return power[:whole].view(-1, self.size).mean(-1)


def _check_block(x: Tensor, channels: int) -> None:
    check_audio(x)
    if x.ndim != 2 or len(x) != channels:
        raise ValueError(f"x: expected shape ({channels}, time), got {tuple(x.shape)}")


def _integrated(z: Tensor) -> float:
    return _loudness(_mean(z, _gated(z, relative_gate_lu=-10.0))).item()


def _range(z: Tensor) -> Tensor:
    kept = _gated(z, relative_gate_lu=-20.0)
    ascending = torch.where(kept, _loudness(z), torch.inf).sort(-1).values
    count = kept.sum(-1, keepdim=True)
    return _percentile(ascending, count, 0.95) - _percentile(ascending, count, 0.10)
