"""Dynamics of a part of the spectrum: the multiband compressor and the de-esser.

Bands are split by Linkwitz-Riley crossovers of 24 dB per octave. A low- and a high-pass of one
crossover add up to an all-pass, so a band also passes the all-passes of the crossovers that lie
above it: then all bands have the same phase, and their sum has a flat magnitude.

Source: S. H. Linkwitz, "Active crossover networks for noncoincident drivers", JAES 1976; for
the all-passes J. D'Appolito, "Active realization of multiway all-pass crossover systems", JAES
1987.
"""

import torch
from torch import Tensor

from dasp._checks import check_range
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_band, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional.dynamics import compressed, compressor
from dasp.functional.eq import filter_with
from dasp.signal.biquad import BUTTERWORTH_Q, design_all_pass, design_linkwitz_riley


@audio_processor
def multiband_compressor(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    crossover_freq_hz: Value,
    threshold_db: Value,
    ratio: Value,
    attack_ms: Value,
    release_ms: Value,
    makeup_gain_db: Value = 0.0,
    knee_db: Value = 6.0,
    detector: str = "peak",
    linked: bool = True,
) -> Tensor:
    """A `compressor` for each band. With ratios of 1 the magnitude of every frequency is kept.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        crossover_freq_hz: Frequencies between the bands, `(*batch, bands - 1)`, rising.
        threshold_db, ratio, attack_ms, release_ms, makeup_gain_db: As for `compressor`, one for
            each band from low to high, `(*batch, bands)`, or one for all of them.
        knee_db: Width of the bend around the thresholds, `(*batch,)`.
        detector: "peak" or "rms".
        linked: One gain for all channels of a band.
    """
    crossover_freq_hz = per_band(
        "crossover_freq_hz", crossover_freq_hz, x, **below_nyquist(sample_rate)
    )
    check_range(
        "crossover_freq_hz, from each to the next",
        crossover_freq_hz.diff(),
        above=0.0,
        because="bands go from low to high",
    )
    bands = crossover_freq_hz.shape[-1] + 1
    band_settings = {
        "threshold_db": threshold_db,
        "ratio": ratio,
        "attack_ms": attack_ms,
        "release_ms": release_ms,
        "makeup_gain_db": makeup_gain_db,
    }
    return compressor.blockwise(
        split_bands(x, crossover_freq_hz, sample_rate, memory),
        sample_rate,
        memory.part("bands"),
        **{name: per_band(name, value, x, bands) for name, value in band_settings.items()},
        knee_db=per_item("knee_db", knee_db, x)[..., None],
        detector=detector,
        linked=linked,
    ).sum(-3)


@audio_processor
def de_esser(
    x: Tensor,
    sample_rate: float,
    memory: Memory,
    *,
    freq_hz: Value,
    threshold_db: Value,
    ratio: Value = 4.0,
    attack_ms: Value = 1.0,
    release_ms: Value = 60.0,
    range_db: Value = 12.0,
    linked: bool = True,
) -> Tensor:
    """Lower what is above `freq_hz` while it exceeds `threshold_db`; otherwise stay flat.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        freq_hz: Where the band of the sibilants begins.
        threshold_db: Level of that band above which its gain falls, in dB of full scale.
        ratio: Change of level that comes out as 1 dB above the threshold, 1 or more.
        attack_ms: Time in which the reduction covers 63 % of a rise, 0 or more.
        release_ms: Time in which the reduction covers 63 % of a fall, 0 or more.
        range_db: The most that the gain falls, 0 or more.
        linked: One gain for all channels.
    """
    freq_hz = per_item("freq_hz", freq_hz, x, **below_nyquist(sample_rate))
    low, high = split_bands(x, freq_hz[..., None], sample_rate, memory).unbind(-3)
    return low + compressed(
        high,
        sample_rate,
        memory,
        threshold_db=threshold_db,
        slope=1 - 1 / per_item("ratio", ratio, x, low=1.0),
        attack_ms=attack_ms,
        release_ms=release_ms,
        range_db=per_item("range_db", range_db, x, low=0.0),
        linked=linked,
    )


def split_bands(
    x: Tensor, crossover_freq_hz: Tensor, sample_rate: float, memory: Memory = WHOLE
) -> Tensor:
    """The bands `(*batch, bands, channels, time)` of `x` from low to high, whose sum is flat."""
    low_pass, high_pass = design_linkwitz_riley(crossover_freq_hz, sample_rate)
    all_pass = design_all_pass(crossover_freq_hz, sample_rate, q=BUTTERWORTH_Q)
    nothing = all_pass.new_tensor([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).expand_as(all_pass)
    all_pass = torch.cat((all_pass, nothing), -2)

    crossover = torch.arange(crossover_freq_hz.shape[-1], device=x.device)[:, None, None]
    band = torch.arange(crossover_freq_hz.shape[-1] + 1, device=x.device)[:, None, None, None]
    below, above = (sos[..., None, :, :, :] for sos in (high_pass, all_pass))
    sections = torch.where(crossover < band, below, above)
    sections = torch.where(crossover == band, low_pass[..., None, :, :, :], sections)
    bands = x[..., None, :, :].expand(*x.shape[:-2], len(band), *x.shape[-2:])
    return filter_with(bands, sections.flatten(-3, -2), memory)
