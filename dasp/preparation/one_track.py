"""Faults that a track has by itself: silence, an offset, two channels of one, clipping, noise."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from dasp.analysis.energy import AT_ONCE, block_energies
from dasp.analysis.noise_floor import FRAME_S, find_noise_floor
from dasp.mixing.settings import Track
from dasp.preparation.finding import Finding
from dasp.signal.stft import frames
from dasp.units import gain_to_db, power_to_db

NOTHING_DB = -80.0
"""A peak under this is dither or less."""

LEAST_OFFSET = 1e-3
"""An offset of less than -60 dBFS does nothing that is heard, or that a limiter would notice."""

SIGNIFICANT = 20.0
"""An offset is so many standard errors away from 0. The mean of noise that rises towards the lows,
as 1/f down to 0.1 Hz, is up to 10 away."""

OFFSET_PARTS = (8, 16)
"""Into so many parts a track is cut for the standard error of its mean."""

ALIKE_DB = -60.0
"""Two channels are one where their difference is so far under them."""

LEAST_RUN, LEAST_RUNS, LEAST_PEAK = 3, 10, 0.1
"""Samples in a row at the very peak, how often, and how high that has to be."""

NOISY_DB = 45.0
"""Noise that is nearer to the loud moments of a track is told."""


def of_one_track(track: Track, x: Tensor, sample_rate: int) -> tuple[Track, list[Finding]]:
    """Look for the faults that a track has by itself.

    Args:
        track: The track.
        x: Its audio `(channels, time)`.
        sample_rate: In Hz.

    Returns:
        The track, put right, and what was found.
    """
    peak_db = gain_to_db(torch.stack(x.aminmax()).abs().amax()).item() if x.numel() else -200.0
    if peak_db < NOTHING_DB:
        why = f"silent: its peak is {max(peak_db, -160):.0f} dBFS; muted"
        return muted(track, why), [Finding(track.name, "silent", why, True)]
    findings = []
    for kind, corrected, why in (*_offset(track, x, sample_rate), *_mono(track, x)):
        track = corrected(track)
        findings.append(Finding(track.name, kind, why, True))
    findings += _clipped(track.name, x)
    findings += _noise(track.name, x, sample_rate)
    return track, findings


def muted(track: Track, why: str) -> Track:
    """Leave a track out of a mix, for a reason.

    Args:
        track: The track.
        why: The reason, for a person to read.

    Returns:
        The track, muted.
    """
    return corrected(replace(track, mute=True), "mute", why)


def corrected(track: Track, correction: str, why: str, **fields) -> Track:
    """Put a track right, for a reason.

    Args:
        track: The track.
        correction: One of `dasp.mixing.preparation.CORRECTIONS`.
        why: The reason, for a person to read.
        **fields: Fields of its `Preparation`.

    Returns:
        The track with that.
    """
    because = {**track.prepare.because, correction: why}
    return replace(track, prepare=replace(track.prepare, **fields, because=because))


def _offset(track: Track, x: Tensor, sample_rate: int) -> Iterator[tuple]:
    """A constant that the mean of a track tells beyond chance."""
    mean = (
        torch.stack([part.double().sum(-1) for part in x.split(AT_ONCE, -1)]).sum(0) / x.shape[-1]
    )
    if mean.abs().max() < LEAST_OFFSET or x.shape[-1] < 2 * sample_rate:
        return
    worst = mean.abs().argmax()
    errors = mean.abs()[worst] / standard_error_of_mean(x[worst])
    if errors < SIGNIFICANT:
        return
    offset = tuple(float(f"{value:.6g}") for value in mean.tolist())
    told = ", ".join(f"{value:+.4f}" for value in offset)
    much = f"{min(errors.item(), 1000):.0f}{' or more' if errors > 1000 else ''}"
    why = f"offset {told} taken off: its mean is {much} standard errors away from 0"
    yield "offset", lambda t: corrected(t, "offset", why, offset=offset), why


def standard_error_of_mean(x: Tensor) -> Tensor:
    """Estimate how far the mean of a signal is from its expectation, by means of its parts.

    What is next to each other in a signal is alike, so that parts are compared, and not samples:
    the method of batch means, for parts of two lengths, of which the larger error counts.

    Args:
        x: Signal `(time)`, at least as long as the most parts of `OFFSET_PARTS`.

    Returns:
        The standard error, `()`, over 0.

    >>> x = torch.randn(1_600_000, generator=torch.Generator().manual_seed(0))
    >>> 0.5 < standard_error_of_mean(x) / 1_600_000 ** -0.5 < 2
    tensor(True)
    """
    errors = []
    for parts in OFFSET_PARTS:
        size = x.shape[-1] // parts
        means = frames(x, size, size)[:parts].mean(-1, dtype=torch.float64)
        errors.append(means.std() / parts**0.5)
    return torch.stack(errors).amax().clamp(min=1e-12)


def _mono(track: Track, x: Tensor) -> Iterator[tuple]:
    if x.shape[-2] != 2:
        return
    mean, powers = x.mean(-1, keepdim=True), torch.zeros(2, dtype=torch.float64)
    for part in x.split(AT_ONCE, -1):
        y = part - mean
        powers += torch.stack(((y[0] - y[1]).square().sum(), y.square().sum() / 2))
    apart, own = power_to_db(powers / x.shape[-1])
    apart_db = (apart - own).item()
    if apart_db > ALIKE_DB:
        return
    alike = f"differ by {apart_db:.0f} dB" if apart_db > -150 else "are the same"
    why = f"one track in two channels, which {alike}; heard as mono"
    yield "mono", lambda t: corrected(t, "mono", why, mono=True), why


def _clipped(name: str, x: Tensor) -> Iterator[Finding]:
    size = x.abs()
    peak = size.amax(-1, keepdim=True)
    at_peak = (size >= peak * (1 - 1e-4)) & (peak >= LEAST_PEAK)
    if at_peak.sum() < LEAST_RUNS * LEAST_RUN:
        return
    in_a_row = at_peak[..., 2:] & at_peak[..., 1:-1] & at_peak[..., :-2]
    starts = in_a_row[..., 1:] & ~in_a_row[..., :-1]
    runs = int(starts.sum())
    if runs >= LEAST_RUNS:
        level_db = gain_to_db(peak.max()).item()
        yield Finding(
            name, "clipped",
            f"clipped: {runs} flat tops of {LEAST_RUN} samples or more at {level_db:.1f} dBFS; "
            f"record it again if you can",
            False,
        )  # fmt: skip


def _noise(name: str, x: Tensor, sample_rate: int) -> Iterator[Finding]:
    size = round(FRAME_S * sample_rate)
    found = find_noise_floor(block_energies(x, size)[:, : x.shape[-1] // size].mean(0) / size)
    if found and found.under_db < NOISY_DB:
        yield Finding(
            name, "noise",
            f"noise at {found.level_db:.0f} dBFS in its pauses, {found.under_db:.0f} dB under its "
            f"loud moments: gain and compression lift it as well",
            False,
        )  # fmt: skip
