"""What the contract tests feed to each processor of the catalogue."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from dasp.processors import Processor
from dasp.processors.catalogue import CATALOGUE

SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class Case:
    """How to exercise a processor whose needs are not those of the others."""

    tracks: tuple[int, ...] = ()
    """Further batch dimensions that the processor sums over."""
    time: int = 96
    """Samples for gradient checks: enough for every parameter to be heard."""
    sample_rate: int = SAMPLE_RATE
    """Rate for gradient checks: a low one keeps long delays short."""
    inputs: tuple[tuple[str, Tensor], ...] = ()
    """Tensors that the processor cannot do without."""
    settings: tuple[tuple[str, object], ...] = ()
    """Options that make every parameter heard."""
    scaled: tuple[tuple[str, float], ...] = ()
    """Factors on drawn parameters whose range would need a longer signal."""
    ends_quiet: bool = False
    """Whether the noise all but stops, for what only happens after a sound."""


IMPULSE_RESPONSE = ((37 * torch.arange(160.0)).remainder(17) - 8).view(4, 40) / 16
"""Four responses that every type can hold."""

TAPS = ((13 * torch.arange(8.0)).remainder(7) - 3).view(2, 4) / 8
"""A short filter a side, which every type can hold."""

SPECIAL = {
    "chorus": Case(sample_rate=500),
    "compressor": Case(time=192, sample_rate=8000),
    "convolution_reverb": Case(sample_rate=500, inputs=(("impulse_response", IMPULSE_RESPONSE),)),
    "delay": Case(sample_rate=100),
    "expander": Case(time=64, scaled=(("threshold_db", 0.5),)),
    "feedback_delay_network": Case(
        time=64,
        sample_rate=24_000,
        settings=(("lines", 8), ("size", 0.1)),
        scaled=(("pre_delay_ms", 0.001),),
    ),
    "fir": Case(inputs=(("taps", TAPS),)),
    "flanger": Case(sample_rate=8000),
    "limiter": Case(time=64, sample_rate=8000),
    "multiband_compressor": Case(time=128, scaled=(("threshold_db", 1.5), ("attack_ms", 0.01))),
    "noise_gate": Case(
        sample_rate=8000,
        scaled=(("threshold_db", 0.3), ("hysteresis_db", 3.0), ("hold_ms", 0.01)),
        ends_quiet=True,
    ),
    "noise_shaped_reverb": Case(settings=(("length_s", 0.05),), scaled=(("pre_delay_ms", 0.01),)),
    "plate_reverb": Case(time=42, sample_rate=200, scaled=(("pre_delay_ms", 0.1),)),
    "stereo_bus": Case(tracks=(3,)),
    "time_shift": Case(scaled=(("delay_samples", 0.001),)),
}

CASES = {name: SPECIAL.get(name, Case()) for name in CATALOGUE}

every_processor = pytest.mark.parametrize("name", list(CATALOGUE))


def audio(name: str, batch: tuple[int, ...] = (), *, time: int = 0, dtype=torch.float64) -> Tensor:
    """Noise of the shape that a processor takes, with a steep onset in the middle."""
    time = time or CASES[name].time
    x = 0.3 * torch.randn(*batch, *CASES[name].tracks, 2, time, dtype=torch.float64)
    x[..., : time // 3] *= 0.1
    if CASES[name].ends_quiet:
        x[..., time * 2 // 3 :] *= 1e-3
    return x.to(dtype)


def draw(
    name: str, batch: tuple[int, ...] = (), *, dtype=torch.float64, low: float = 0.1
) -> dict[str, Tensor]:
    """Random settings, within the middle of every parameter's range."""
    processor = CATALOGUE[name]
    shape = (*batch, *CASES[name].tracks, processor.n_controls)
    controls = low + (1 - 2 * low) * torch.rand(shape, dtype=dtype)
    settings = processor.to_physical(controls)
    return settings | {key: factor * settings[key] for key, factor in CASES[name].scaled}


def run(name: str, x: Tensor, settings: dict, sample_rate: float | None = None) -> Tensor:
    """The processor with the inputs it needs, in the type of `x`."""
    case = CASES[name]
    inputs = {key: value.to(x.dtype) for key, value in case.inputs}
    rate = sample_rate or case.sample_rate
    return CATALOGUE[name](x, rate, **dict(case.settings), **inputs, **settings)


def expected_shape(name: str, x: Tensor) -> torch.Size:
    """The shape of the output: that of `x`, without the tracks where they are summed."""
    tracks = len(CASES[name].tracks)
    return torch.Size((*x.shape[: x.ndim - 2 - tracks], *x.shape[-2:]))


def differentiable(processor: Processor) -> list[str]:
    """Names of the parameters that have a gradient."""
    return [param.name for param in processor.params if param.differentiable]
