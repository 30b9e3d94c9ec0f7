"""The master strip between a sum and a finished mix: EQ, compressor, limiter and level.

A master is not told from its waveform alone, since a limiter moves every peak by a little; nor
from its level, since that would hide its spectrum. The loss adds up short-time spectra, octave
bands, crest factor and loudness, each in its own unit, and gradient descent goes through the
processors themselves.
"""

from dataclasses import replace

from torch import Tensor

from dasp._bounds import at_most
from dasp.analysis import measure_crest_factor, measure_loudness, measure_octave_spectrum
from dasp.estimation.adam import adam
from dasp.estimation.unmixing.found import Found, dry_sum, in_room
from dasp.estimation.unmixing.linear_strips import HIGHEST_SHARE
from dasp.estimation.unmixing.problem import Problem
from dasp.losses import multi_resolution_stft
from dasp.processors.catalogue import COMPRESSOR, GAIN, LIMITER, PARAMETRIC_EQ
from dasp.processors.chain import chain
from dasp.processors.stage import Stage
from dasp.processors.strip import with_settings
from dasp.units import gain_to_db

STRIP = (PARAMETRIC_EQ, COMPRESSOR, LIMITER, GAIN)
STEPS, RATE = 120, 0.02
MARGIN = 0.01
LEAST_OCTAVE_DB = 50.0

_START: dict[str, float | list[float]] = {
    "parametric_eq.peak_q": [0.7] * 4,
    "compressor.threshold_db": -24.0,
    "compressor.ratio": 1.5,
    "compressor.attack_ms": 20.0,
    "compressor.release_ms": 150.0,
}


def master(found: Found, problem: Problem) -> Found:
    """Run the stage "master": fit the strip between the sum in its room and the mix, on an excerpt.

    Args:
        found: The settings so far.
        problem: Tracks and mix.

    Returns:
        The settings with a master strip.
    """
    part = problem.excerpt
    before = in_room(dry_sum(found, problem), found.room)[..., part]
    return replace(found, master=fit_master(before, problem.mix[..., part], problem.sample_rate))


def fit_master(
    before: Tensor, after: Tensor, sample_rate: float, *, steps: int = STEPS
) -> tuple[Stage, ...]:
    """Fit the strip that turns a sum into a finished mix.

    Args:
        before: The sum, `(2, time)`.
        after: The mix, `(2, time)`.
        sample_rate: In Hz.
        steps: Number of steps of gradient descent.

    Returns:
        EQ, compressor, limiter and gain.
    """
    strip = chain(*STRIP)
    before, after = before.float(), after.float()
    lift_db = (measure_loudness(after, sample_rate) - measure_loudness(before, sample_rate)).item()
    peak_db = gain_to_db(after.abs().max()).item()
    start = _START | {
        "limiter.gain_db": min(max(lift_db, 0.0), 40.0),
        "limiter.ceiling_db": min(max(peak_db, -40.0), 0.0),
        "gain.gain_db": min(lift_db, 0.0),
    }
    features, most_hz = _features(after, sample_rate), HIGHEST_SHARE * sample_rate

    def physical(u: Tensor) -> dict[str, Tensor]:
        values = strip.to_physical(u[0]).items()
        return {k: at_most(v, most_hz) if k.endswith("_hz") else v for k, v in values}

    def loss(u: Tensor) -> Tensor:
        output = strip(before, sample_rate, **physical(u))
        return _loss(output, after, features, sample_rate)[None]

    controls = strip.to_controls(start).clamp(MARGIN, 1 - MARGIN)[None]
    found = adam(loss, controls, steps=steps, rate=RATE)
    settings = physical(found)
    output = strip(before, sample_rate, **settings)
    missing_db = measure_loudness(after, sample_rate) - measure_loudness(output, sample_rate)
    settings["gain.gain_db"] = (settings["gain.gain_db"] + missing_db).clamp(
        GAIN.params[0].low, GAIN.params[0].high
    )
    return with_settings(STRIP, settings)


def _features(x: Tensor, sample_rate: float) -> tuple[Tensor, Tensor, Tensor]:
    return (
        measure_loudness(x, sample_rate),
        measure_crest_factor(x, sample_rate),
        measure_octave_spectrum(x, sample_rate),
    )


def _loss(output: Tensor, target: Tensor, features, sample_rate: float) -> Tensor:
    """Spectral distance, and decibels of loudness, crest and octaves at a tenth each."""
    found = _features(output, sample_rate)
    # Octaves of which the target has nothing, beyond the limit of its format say, do not count.
    octaves = features[-1]
    heard = (octaves > octaves.amax() - LEAST_OCTAVE_DB).to(octaves)
    decibels = [(a - b).abs().mean() for a, b in zip(found[:-1], features[:-1], strict=True)]
    decibels.append(((found[-1] - octaves).abs() * heard).sum() / heard.sum())
    return multi_resolution_stft(output, target) + 0.1 * sum(decibels)
