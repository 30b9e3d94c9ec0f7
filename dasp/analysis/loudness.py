"""Loudness as listeners judge it, and the peak between the samples.

Sources: ITU-R BS.1770-4, with the numbers of its equations (K-weighting, channel weights,
gating; Annex 2 for the true peak), EBU Tech 3341 (momentary and short-term loudness) and
EBU Tech 3342 (loudness range).

Channels are the usual ones of so many (L R C Ls Rs, 5.1, 7.1: see `channel_weights`), or those of
`layout`; the channel of low effects does not count, and surrounds count 1.41. `dual_mono` counts
a single channel twice. Loudness is measured over blocks of 0.4 or 3 s;
a shorter signal is one block, completed with silence. Digital silence measures about -160.7.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as nnf
from torch import Tensor

from dasp._checks import check_range
from dasp.analysis._measure import audio_measure
from dasp.analysis.channel_weights import channel_weights
from dasp.signal.iir import sosfilt
from dasp.signal.stft import frames
from dasp.signal.true_peak import REACH, peaks_between
from dasp.units import gain_to_db, power_to_db

MOMENTARY_S = 0.4
SHORT_TERM_S = 3.0
HOP_S = 0.1
ABSOLUTE_GATE_LUFS = -70.0

_AT_ONCE_S = 10.0

Layout = str | Sequence[str] | None


@audio_measure
def measure_loudness(
    x: Tensor, sample_rate: float, *, layout: Layout = None, dual_mono: bool = False
) -> Tensor:
    """Measure the integrated loudness of a programme.

    The result is the mean power of the 0.4 s blocks that pass two gates: above -70 LUFS, and not
    more than 10 LU below the mean of those. Where no block is above -70 LUFS the recommendation
    gives no number; the result is then the mean of all blocks, so that a value below -70 says
    that no block passed. The choice of blocks is discrete and carries no gradient; the mean over
    them does.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz, above 3364.
        layout: The loudspeaker of each channel, as `channel_weights` takes it.
        dual_mono: Whether a single channel counts twice (+3.01 dB).

    Returns:
        Loudness in LUFS, `(*batch,)`.

    Raises:
        ValueError: If `x` is not floating-point audio, has no samples, or if `channel_weights`
            has no weights for its channels.

    Source: ITU-R BS.1770-4.

    >>> t = torch.arange(48_000, dtype=torch.float64) / 48_000
    >>> x = 10 ** (-23 / 20) * torch.sin(2 * torch.pi * 997 * t).expand(2, -1)
    >>> round(measure_loudness(x, 48_000).item(), 2)
    -23.0
    """
    weights = channel_weights(x.shape[-2], layout, dual_mono=dual_mono)
    z = _block_powers(x, sample_rate, MOMENTARY_S, HOP_S, weights)
    return _loudness(_mean(z, _gated(z, relative_gate_lu=-10.0)))


@audio_measure
def measure_momentary_loudness(
    x: Tensor,
    sample_rate: float,
    *,
    hop_s: float = HOP_S,
    layout: Layout = None,
    dual_mono: bool = False,
) -> Tensor:
    """Measure the loudness of each block of 0.4 s, without a gate.

    Args:
        x: Audio `(*batch, channels, time)`; a signal under 0.4 s is completed with silence.
        sample_rate: In Hz, above 3364.
        hop_s: Distance of the blocks in seconds, a whole fraction of 0.4. With 0.1, the maximum
            of a short event can be 0.6 dB too low.
        layout: The loudspeaker of each channel, as `channel_weights` takes it.
        dual_mono: Whether a single channel counts twice (+3.01 dB).

    Returns:
        Loudness in LUFS, `(*batch, blocks)`.

    Raises:
        ValueError: If `x` is not floating-point audio, has no samples, if `channel_weights` has
            no weights for its channels, or if `hop_s` is no whole fraction of 0.4.

    Source: EBU Tech 3341.

    >>> measure_momentary_loudness(torch.zeros(3, 2, 48_000), 48_000).shape
    torch.Size([3, 7])
    """
    weights = channel_weights(x.shape[-2], layout, dual_mono=dual_mono)
    return _loudness(_block_powers(x, sample_rate, MOMENTARY_S, hop_s, weights))


@audio_measure
def measure_short_term_loudness(
    x: Tensor,
    sample_rate: float,
    *,
    hop_s: float = HOP_S,
    layout: Layout = None,
    dual_mono: bool = False,
) -> Tensor:
    """Measure the loudness of each block of 3 s, without a gate.

    Args:
        x: Audio `(*batch, channels, time)`; a signal under 3 s is completed with silence.
        sample_rate: In Hz, above 3364.
        hop_s: Distance of the blocks in seconds, a whole fraction of 3.
        layout: The loudspeaker of each channel, as `channel_weights` takes it.
        dual_mono: Whether a single channel counts twice (+3.01 dB).

    Returns:
        Loudness in LUFS, `(*batch, blocks)`.

    Raises:
        ValueError: If `x` is not floating-point audio, has no samples, if `channel_weights` has
            no weights for its channels, or if `hop_s` is no whole fraction of 3.

    Source: EBU Tech 3341.

    >>> measure_short_term_loudness(torch.zeros(2, 4 * 8000), 8000).shape
    torch.Size([11])
    """
    weights = channel_weights(x.shape[-2], layout, dual_mono=dual_mono)
    return _loudness(_block_powers(x, sample_rate, SHORT_TERM_S, hop_s, weights))


@audio_measure
def measure_loudness_range(
    x: Tensor, sample_rate: float, *, layout: Layout = None, dual_mono: bool = False
) -> Tensor:
    """Measure the loudness range: the distance from the soft parts to the loud ones.

    The result is the 95th less the 10th percentile of the short-term loudness of the blocks above
    -70 LUFS and not more than 20 LU below the mean of those. Percentiles between two blocks are
    interpolated.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz, above 3364.
        layout: The loudspeaker of each channel, as `channel_weights` takes it.
        dual_mono: Whether a single channel counts twice (+3.01 dB).

    Returns:
        Loudness range in LU, `(*batch,)`; 0 for a steady signal.

    Raises:
        ValueError: If `x` is not floating-point audio, has no samples, or if `channel_weights`
            has no weights for its channels.

    Source: EBU Tech 3342.

    >>> torch.allclose(measure_loudness_range(torch.zeros(1, 8000), 8000), torch.zeros(()))
    True
    """
    weights = channel_weights(x.shape[-2], layout, dual_mono=dual_mono)
    z = _block_powers(x, sample_rate, SHORT_TERM_S, HOP_S, weights)
    kept = _gated(z, relative_gate_lu=-20.0)
    ascending = torch.where(kept, _loudness(z), torch.inf).sort(-1).values
    count = kept.sum(-1, keepdim=True)
    return _percentile(ascending, count, 0.95) - _percentile(ascending, count, 0.10)


@audio_measure
def measure_true_peak(x: Tensor, sample_rate: float) -> Tensor:
    """Measure the largest magnitude of each channel, also between the samples.

    The result is the peak of the band-limited signal through the samples, up to 0.99 of Nyquist
    (see `dasp.signal.true_peak`), and never less than the largest sample. Sines are exact within
    0.02 dB wherever they are sampled; white noise and clipping, whose spectra reach Nyquist,
    within 0.3 dB. A meter shows the maximum over the channels.

    Args:
        x: Audio `(*batch, channels, time)`, at least one sample.
        sample_rate: In Hz.

    Returns:
        Level in dBTP, `(*batch, channels)`; `dasp.units.SILENCE_DB` for silence.

    Raises:
        ValueError: If `x` is not floating-point audio, or has no samples.

    >>> t = torch.arange(48_000) / 4
    >>> x = torch.hann_window(48_000) * torch.sin(2 * torch.pi * (t + 1 / 8))[None]
    >>> abs(measure_true_peak(x, 48_000).item()) < 0.05  # the samples reach -3 dB
    True
    """
    at_once = round(_AT_ONCE_S * sample_rate)
    highest = x.abs().amax(-1)
    for start in range(0, x.shape[-1], at_once):
        before = min(start, REACH)
        part = peaks_between(x[..., start - before : start + at_once + REACH], highest)
        highest = torch.maximum(highest, part[..., before : before + at_once].amax(-1))
    return gain_to_db(highest)


def design_k_weighting(sample_rate: float) -> Tensor:
    """Design the K-weighting filter: a high shelf for the head, and a high-pass.

    At 48 kHz the sections are tables 1 and 2 of ITU-R BS.1770. At other rates they are the same
    analogue filters, as the recommendation asks, also in the gain of the high-pass, whose table
    leaves +0.04 dB in its pass band.

    Args:
        sample_rate: In Hz, above 3364, twice the frequency of the shelf.

    Returns:
        Second-order sections `(2, 6)`, float64, in SciPy's order.

    Raises:
        ValueError: If `sample_rate` is too low.

    Source of the analogue parameters: B. De Man, "Evaluation of implementations of the EBU R128
    loudness measurement", AES 145th Convention, 2018.

    >>> design_k_weighting(48_000).shape
    torch.Size([2, 6])
    """
    check_range(
        "sample_rate", sample_rate, above=2 * 1682.0, because="K-weighting has a shelf at 1682 Hz"
    )
    K, Q = math.tan(math.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    Vh = 10 ** (3.999843853973347 / 20)
    Vb = Vh**0.4996667741545416
    shelf = (
        (Vh + Vb * K / Q + K * K, 2 * (K * K - Vh), Vh - Vb * K / Q + K * K),
        (1 + K / Q + K * K, 2 * (K * K - 1), 1 - K / Q + K * K),
    )
    K, Q = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    K48 = math.tan(math.pi * 38.13547087602444 / 48_000)
    gain = 1 + K48 / Q + K48 * K48
    high_pass = (
        (gain, -2 * gain, gain),
        (1 + K / Q + K * K, 2 * (K * K - 1), 1 - K / Q + K * K),
    )
    sos = torch.tensor([b + a for b, a in (shelf, high_pass)], dtype=torch.float64)
    return sos / sos[:, 3:4]


def _block_powers(
    x: Tensor, sample_rate: float, block_s: float, hop_s: float, weights: Sequence[float]
) -> Tensor:
    """Weighted power of each block, `(*batch, blocks)`: the sum in equation 2, over one block.

    Only whole blocks count. Signals pass the filter a few seconds at a time, and only the powers
    of one hop are kept of them, so an hour takes no more memory than its own samples.
    """
    hops = round(block_s / hop_s) if hop_s > 0 else 0
    if hops < 1 or abs(hops * hop_s - block_s) > 1e-6:
        raise ValueError(f"hop_s: expected a whole fraction of {block_s} s, got {hop_s}")
    check_range("hop_s", hop_s, low=1 / sample_rate, because="one sample")
    hop = round(hop_s * sample_rate)
    if x.shape[-1] < hops * hop:
        x = nnf.pad(x, (0, hops * hop - x.shape[-1]))
    sos = design_k_weighting(sample_rate).to(x.device)
    state, powers = None, []
    for part in x.split(hop * max(1, round(_AT_ONCE_S / hop_s)), -1):
        y, state = sosfilt(part, sos, state)
        powers.append(frames(y, hop, hop).square().mean(-1))
    power = torch.cat(powers, -1)
    power = power * torch.tensor(weights, dtype=power.dtype, device=power.device)[:, None]
    return frames(power.sum(-2), hops, 1).mean(-1)


def _gated(z: Tensor, relative_gate_lu: float) -> Tensor:
    """Which blocks pass the absolute gate and then the relative one (equations 5 to 7)."""
    above = _loudness(z) > ABSOLUTE_GATE_LUFS
    above = above | ~above.any(-1, keepdim=True)
    return above & (z >= 10 ** (relative_gate_lu / 10) * _mean(z, above)[..., None])


def _mean(z: Tensor, kept: Tensor) -> Tensor:
    return (z * kept).sum(-1) / kept.sum(-1)


def _percentile(ascending: Tensor, count: Tensor, fraction: float) -> Tensor:
    """Percentile of the first `count` values, interpolated between neighbours."""
    place = fraction * (count - 1).clamp(min=0).to(ascending)
    lower, upper = place.floor(), place.ceil()
    below, above = (ascending.gather(-1, index.long()) for index in (lower, upper))
    return (below + (place - lower) * (above - below)).squeeze(-1)


def _loudness(z: Tensor) -> Tensor:
    """LUFS of a weighted power, equation 2."""
    return power_to_db(z) - 0.691
