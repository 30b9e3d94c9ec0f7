"""The multiband compressor, and the crossovers that split the spectrum.

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
from dasp._constants import constant
from dasp._typing import Value
from dasp.functional._arguments import audio_processor, below_nyquist, per_band, per_item
from dasp.functional._memory import WHOLE, Memory
from dasp.functional._param import Option, Param
from dasp.functional._processor import Processor
from dasp.functional._run import in_blocks
from dasp.functional.detector import Detector
from dasp.functional.dynamics import (
    Dynamics,
    attack_and_release,
    compress,
    makeup_and_mix,
    ratio_curve,
)
from dasp.functional.eq import filter_with
from dasp.signal._fused import on_gpu
from dasp.signal.biquad import BUTTERWORTH_Q, design_all_pass, design_linkwitz_riley
from dasp.signal.iir import sections_of


@audio_processor
def multiband_compressor(
    x: Tensor,
    sample_rate: float,
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
    memory: Memory = WHOLE,
) -> Tensor:
    """Compress each band of the spectrum by itself.

    Linkwitz-Riley crossovers of 24 dB per octave split `x`, a `compressor` runs in each band, and
    the bands are added. With ratios of 1 the sum keeps the magnitude of every frequency; only the
    phase turns at the crossovers. The parameters of the bands are `(*batch, bands)` or `(bands,)`
    from low to high, or one number for all bands.

    Args:
        x: Audio `(*batch, channels, time)`.
        sample_rate: In Hz.
        crossover_freq_hz: Frequencies between the bands, `(*batch, bands - 1)` or `(bands - 1,)`,
            rising, below Nyquist. [40 to 800, 1000 to 16000 Hz]
        threshold_db: Level of each band above which its gain falls, in dB of full scale.
            [-80 to 0 dB]
        ratio: Rise of the level of a band for which its output rises by 1 dB above the threshold, 1
            or more; 1 is neutral. [1 to 20]
        attack_ms: Time in which the gain reduction covers 63 % of a rise, 0 or more.
            [0.05 to 300 ms]
        release_ms: Time in which the gain reduction covers 63 % of a fall, 0 or more.
            [5 to 4000 ms]
        makeup_gain_db: Gain behind the compressor of each band; 0 is neutral. [-24 to 24 dB]
        knee_db: Width of the quadratic bend around the thresholds of all bands, `(*batch)`, 0 or
            more; 0 is a corner. [0 to 24 dB]
        detector: "peak", the magnitude of every sample, or "rms", the mean square over 10 ms.
        linked: Whether all channels of a band have one gain, that of the loudest. Otherwise each
            channel has its own.
        memory: What the blocks before have left, in a stream; without it `x` is a whole signal.

    Returns:
        Audio of the shape of `x`.

    Raises:
        ValueError: If the crossovers do not rise or are not between 0 and Nyquist, a parameter does
            not have one number for each band, `ratio` is below 1, a time or `knee_db` is below 0,
            or `detector` is unknown.

    Source: S. H. Linkwitz, "Active crossover networks for noncoincident drivers", JAES 1976; J.
    D'Appolito, "Active realization of multiway all-pass crossover systems", JAES 1987.

    >>> settings = dict(threshold_db=-12.0, ratio=4.0, attack_ms=1.0, release_ms=100.0)
    >>> x = torch.ones(1, 24_000)  # 0 dB in the lowest band: 12 dB over, of which 3 are to remain
    >>> y = multiband_compressor(x, 48_000, crossover_freq_hz=[200.0, 2500.0], **settings)
    >>> round(20 * y[0, -1].log10().item(), 1)
    -9.0
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
    split = split_bands(x, crossover_freq_hz, sample_rate, memory)
    threshold_db, ratio, attack_ms, release_ms, makeup_gain_db = (
        per_band(name, value, x, bands)
        for name, value in (
            ("threshold_db", threshold_db),
            ("ratio", ratio),
            ("attack_ms", attack_ms),
            ("release_ms", release_ms),
            ("makeup_gain_db", makeup_gain_db),
        )
    )
    knee_db = per_item("knee_db", knee_db, x)[..., None]
    dynamics = Dynamics(
        Detector(detector, linked),
        ratio_curve(split, threshold_db, ratio, knee_db),
        attack_and_release(split, sample_rate, attack_ms, release_ms),
    )
    makeup = makeup_and_mix(split, makeup_gain_db)
    return compress(split, sample_rate, memory.part("bands"), dynamics, makeup).sum(-3)


MULTIBAND_COMPRESSOR = Processor(
    in_blocks(multiband_compressor),
    Param(
        "crossover_freq_hz",
        (40.0, 1000.0),
        (800.0, 16_000.0),
        default=(200.0, 2500.0),
        scale="log",
        bands=2,
    ),
    Param("threshold_db", -80.0, 0.0, default=-24.0, bands=3),
    Param("ratio", 1.0, 20.0, default=2.0, scale="log", bands=3),
    Param("attack_ms", 0.05, 300.0, default=(20.0, 10.0, 5.0), scale="log", bands=3),
    Param("release_ms", 5.0, 4000.0, default=(200.0, 100.0, 60.0), scale="log", bands=3),
    Param("makeup_gain_db", -24.0, 24.0, bands=3),
    Param("knee_db", 0.0, 24.0),
    Option("detector", choices=("peak", "rms")),
    Option("linked", choices=(True, False)),
)


def split_bands(
    x: Tensor, crossover_freq_hz: Tensor, sample_rate: float, memory: Memory = WHOLE
) -> Tensor:
    """The bands `(*batch, bands, channels, time)` of `x` from low to high, whose sum is flat."""
    sections = sections_of(_crossover(crossover_freq_hz, sample_rate))
    bands = x[..., None, :, :].expand(*x.shape[:-2], sections.shape[-3], *x.shape[-2:])
    return filter_with(bands, sections, memory)


@on_gpu("biquad_cuda.crossover", last=1)
def _crossover(freq_hz: Tensor, sample_rate: float) -> Tensor:
    """The filters `(..., bands, sections, 6)` of the bands of crossovers `(..., bands - 1)`."""
    low_pass, high_pass = design_linkwitz_riley(freq_hz, sample_rate)
    all_pass = design_all_pass(freq_hz, sample_rate, q=BUTTERWORTH_Q)
    nothing = constant((1.0, 0.0, 0.0, 1.0, 0.0, 0.0), all_pass).expand_as(all_pass)
    all_pass = torch.cat((all_pass, nothing), -2)

    crossover = torch.arange(freq_hz.shape[-1], device=freq_hz.device)[:, None, None]
    band = torch.arange(freq_hz.shape[-1] + 1, device=freq_hz.device)[:, None, None, None]
    below, above = (sos[..., None, :, :, :] for sos in (high_pass, all_pass))
    sections = torch.where(crossover < band, below, above)
    sections = torch.where(crossover == band, low_pass[..., None, :, :, :], sections)
    return sections.flatten(-3, -2)
