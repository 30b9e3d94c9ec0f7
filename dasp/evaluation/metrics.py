"""How far a mix is from a reference, each error in the unit of what it measures.

Mixes are stereo or mono, `(channels, time)`, of one length and not delayed. Errors of loudness,
true peak and SDR are of the mixes as they are. For all others the output is first brought to the
loudness of the reference, since that is a knob by itself.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dasp._bounds import at_least
from dasp._checks import check_audio, check_choice
from dasp.analysis import (
    measure_crest_factor,
    measure_loudness,
    measure_loudness_range,
    measure_octave_spectrum,
    measure_panning_spectrum,
    measure_side_share,
    measure_spectral_centroid,
    measure_stereo_correlation,
    measure_stereo_imbalance,
    measure_true_peak,
)
from dasp.analysis.loudness import ABSOLUTE_GATE_LUFS
from dasp.losses.features import audio_features
from dasp.losses.time import negative_sdr
from dasp.mixing.routing import as_stereo
from dasp.signal.stft import stft
from dasp.units import SILENT_POWER, db_to_gain

AUDIBLE_DB = 60.0
"""Bands that are further below the loudest of the reference have no say in `spectrum`."""


class Metric(NamedTuple):
    """An error between two stereo mixes.

    Args:
        unit: Unit of the error.
        error: From output, reference and sample rate to the error.
        of_level: Whether the mixes are compared as they are, and not at one loudness.
        best: Error of equal mixes.
    """

    unit: str
    error: Callable[[Tensor, Tensor, float], Tensor]
    of_level: bool = False
    best: float = 0.0


def measure_errors(
    output: Tensor, reference: Tensor, sample_rate: float, *, names: Sequence[str] | None = None
) -> dict[str, float]:
    """Measure the errors of a mix against a reference.

    The smaller an error, the nearer is the mix, except for the SDRs.

    Args:
        output: The mix that is judged, `(channels, time)`.
        reference: The mix that is wanted, of the length of `output`.
        sample_rate: In Hz.
        names: Names of metrics, of `METRICS`; by default all.

    Returns:
        Error of each metric, in its unit, by name.

    Raises:
        ValueError: If the lengths differ, or a name is not known.

    >>> x = torch.randn(2, 8000)
    >>> errors = measure_errors(0.5 * x, x, 8000)
    >>> round(errors["loudness"], 2), round(errors["sdr"], 2), round(errors["spectrum"], 2)
    (6.02, 6.02, 0.0)
    """
    output, reference = comparable(output, reference)
    levelled = at_loudness_of(output, reference, sample_rate)
    errors = {}
    for name in METRICS if names is None else names:
        check_choice("names", name, METRICS)
        x = output if METRICS[name].of_level else levelled
        errors[name] = METRICS[name].error(x, reference, sample_rate).item()
    return errors


def comparable(output: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Check two mixes, and convert them to stereo in float32 or wider.

    Args:
        output: The mix that is judged, `(channels, time)`.
        reference: The mix that is wanted.

    Returns:
        Both mixes, `(2, time)`.

    Raises:
        ValueError: If a mix is not floating-point audio, or the lengths differ.
    """
    check_audio(output, "output")
    check_audio(reference, "reference")
    if output.shape[-1] != reference.shape[-1]:
        raise ValueError(
            f"output and reference: expected one length, got {output.shape[-1]} and "
            f"{reference.shape[-1]} samples"
        )
    wide = torch.promote_types(torch.promote_types(output.dtype, reference.dtype), torch.float32)
    return as_stereo(output.to(wide)), as_stereo(reference.to(wide))


def at_loudness_of(output: Tensor, reference: Tensor, sample_rate: float) -> Tensor:
    """Bring a mix to the integrated loudness of the reference, if neither is silent.

    Args:
        output: The mix that is judged, `(2, time)`.
        reference: The mix that is wanted.
        sample_rate: In Hz.

    Returns:
        Audio of the shape of `output`.
    """
    own, wanted = (measure_loudness(x, sample_rate) for x in (output, reference))
    audible = (own > ABSOLUTE_GATE_LUFS) & (wanted > ABSOLUTE_GATE_LUFS)
    return output * db_to_gain(torch.where(audible, wanted - own, 0))


def _difference(measure: Callable[[Tensor, float], Tensor]) -> Callable:
    """The mean over channels of the absolute difference of a measure."""

    def error(output: Tensor, reference: Tensor, sample_rate: float) -> Tensor:
        return (measure(output, sample_rate) - measure(reference, sample_rate)).abs().mean()

    return error


def _highest_true_peak(x: Tensor, sample_rate: float) -> Tensor:
    return measure_true_peak(x, sample_rate).amax()


def _mean_centroid(x: Tensor, sample_rate: float) -> Tensor:
    return measure_spectral_centroid(x, sample_rate).mean(-1)


def _spectrum(output: Tensor, reference: Tensor, sample_rate: float) -> Tensor:
    """Mean absolute difference of the third-octave levels that are audible in the reference."""
    own, wanted = (
        measure_octave_spectrum(x, sample_rate, bands_per_octave=3) for x in (output, reference)
    )
    floor = wanted.amax() - AUDIBLE_DB
    heard = (wanted > floor).to(own)
    # What the output has less than the floor is as good as silence.
    difference = at_least(own, floor) - at_least(wanted, floor)
    return (difference.abs() * heard).sum() / heard.sum().clamp(min=1)


def _panning(output: Tensor, reference: Tensor, sample_rate: float) -> Tensor:
    """Mean distance of the places of each bin in each frame, weighed by the reference's energy."""
    own, wanted = (measure_panning_spectrum(x, sample_rate) for x in (output, reference))
    energy = stft(reference, 4096, 1024, "sqrt_hann").abs().square().sum(-3)
    return ((own - wanted).abs() * energy).sum() / energy.sum().clamp(min=1e-12)


def _sdr(output: Tensor, reference: Tensor, sample_rate: float) -> Tensor:
    return -negative_sdr(output, reference)


def _gain_invariant_sdr(output: Tensor, reference: Tensor, sample_rate: float) -> Tensor:
    """The SDR under the gain on the output that makes it largest: never under 0 dB.

    -10 log10(1 - r^2) with the correlation r of the two. The SI-SDR of source separation scales
    the reference instead, which takes 10 log10(1 / r^2) off.
    """
    gain = (output * reference).mean() / at_least(output.square().mean(), SILENT_POWER)
    return _sdr(gain * output, reference, sample_rate)


METRICS: dict[str, Metric] = {
    "loudness": Metric("LU", _difference(measure_loudness), of_level=True),
    "true_peak": Metric("dB", _difference(_highest_true_peak), of_level=True),
    "loudness_range": Metric("LU", _difference(measure_loudness_range)),
    "crest_factor": Metric("dB", _difference(measure_crest_factor)),
    "spectrum": Metric("dB", _spectrum),
    "centroid": Metric("Hz", _difference(_mean_centroid)),
    "side_share": Metric("", _difference(measure_side_share)),
    "imbalance": Metric("", _difference(measure_stereo_imbalance)),
    "correlation": Metric("", _difference(measure_stereo_correlation)),
    "panning": Metric("", _panning),
    "sdr": Metric("dB", _sdr, True, float("inf")),
    "gain_invariant_sdr": Metric("dB", _gain_invariant_sdr, True, float("inf")),
    "audio_features": Metric("", audio_features),
}
"""The metrics by name, in the order of tables."""
