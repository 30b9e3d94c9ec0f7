"""What the contract tests feed to each processor of the catalogue."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from dasp.processors.catalogue import CATALOGUE
from dasp.processors.processor import Processor

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


SPECIAL = {
    "compressor": Case(time=192, sample_rate=8000),
    "stereo_bus": Case(tracks=(3,)),
}

CASES = {name: SPECIAL.get(name, Case()) for name in CATALOGUE}

every_processor = pytest.mark.parametrize("name", list(CATALOGUE))


def audio(name: str, batch: tuple[int, ...] = (), *, time: int = 0, dtype=torch.float64) -> Tensor:
    """Noise of the shape that a processor takes, with a steep onset in the middle."""
    time = time or CASES[name].time
    x = 0.3 * torch.randn(*batch, *CASES[name].tracks, 2, time, dtype=torch.float64)
    x[..., : time // 3] *= 0.1
    return x.to(dtype)


def draw(
    name: str, batch: tuple[int, ...] = (), *, dtype=torch.float64, low: float = 0.1
) -> dict[str, Tensor]:
    """Random settings, within the middle of every parameter's range."""
    processor = CATALOGUE[name]
    shape = (*batch, *CASES[name].tracks, processor.n_controls)
    controls = low + (1 - 2 * low) * torch.rand(shape, dtype=dtype)
    return processor.to_physical(controls)


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
