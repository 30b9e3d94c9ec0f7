"""Signals and settings that several benchmarks share, the same at every run."""

from collections.abc import Callable

import torch
from torch import Tensor

from dasp.signal.biquad import design_high_shelf, design_low_shelf, design_peak

SAMPLE_RATE = 44_100


def noise(*shape: int, seed: int = 0) -> Tensor:
    """White noise at -12 dB."""
    return 0.25 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bursts(*shape: int) -> Tensor:
    """Noise that is loud and 20 dB softer in turns of 0.2 s: work for attack and release."""
    loud = torch.arange(shape[-1]) // (SAMPLE_RATE // 5) % 2 == 0
    return noise(*shape) * torch.where(loud, 1.0, 0.1)


def eq_settings(batch: int) -> dict[str, Tensor]:
    """A low shelf, four peaks and a high shelf for each item: 18 numbers, in dasp's keywords."""
    between = _uniform(batch, seed=1)
    return {
        "low_shelf_gain_db": between(-9, 9),
        "low_shelf_freq_hz": between(60, 200),
        "low_shelf_q": between(0.5, 1),
        "peak_gain_db": between(-9, 9, 4),
        "peak_freq_hz": torch.tensor([250.0, 800, 2500, 6000]) * between(0.8, 1.25, 4),
        "peak_q": between(0.5, 4, 4),
        "high_shelf_gain_db": between(-9, 9),
        "high_shelf_freq_hz": between(7000, 12_000),
        "high_shelf_q": between(0.5, 1),
    }


def compressor_settings(batch: int) -> dict[str, Tensor]:
    """A compressor for each item, in dasp's keywords."""
    between = _uniform(batch, seed=2)
    return {
        "threshold_db": between(-40, -25),
        "ratio": between(2, 6),
        "attack_ms": between(3, 20),
        "release_ms": between(60, 200),
        "knee_db": between(3, 9),
        "makeup_gain_db": between(0, 6),
    }


def sections(settings: dict[str, Tensor], sample_rate: float = SAMPLE_RATE) -> Tensor:
    """The EQ as second-order sections `(batch, 6, 6)` in float64."""

    def band(name: str) -> dict[str, Tensor]:
        return {key: settings[f"{name}_{key}"].double() for key in ("freq_hz", "gain_db", "q")}

    low = design_low_shelf(sample_rate=sample_rate, **band("low_shelf"))
    peaks = design_peak(sample_rate=sample_rate, **band("peak"))
    high = design_high_shelf(sample_rate=sample_rate, **band("high_shelf"))
    return torch.cat([part.reshape(len(low), -1, 6) for part in (low, peaks, high)], 1)


def forward_only(function: Callable, x: Tensor, *arguments) -> Callable[[], Tensor]:
    """The call of a function whose graph is not needed."""
    return torch.no_grad()(lambda: function(x, *arguments))


def forward_and_backward(function: Callable, x: Tensor, *arguments) -> Callable[[], Tensor]:
    """The call that gives the gradient of `x`, and computes those of all other arguments.

    Arguments are tensors or dictionaries of tensors. The cotangent is `x` itself.
    """
    leaf = x.clone().requires_grad_()
    arguments = [
        {name: value.clone().requires_grad_() for name, value in argument.items()}
        if isinstance(argument, dict)
        else argument.clone().requires_grad_()
        for argument in arguments
    ]
    leaves = [leaf]
    for argument in arguments:
        leaves += argument.values() if isinstance(argument, dict) else [argument]
    return lambda: torch.autograd.grad(function(leaf, *arguments), leaves, x, allow_unused=True)[0]


def _uniform(batch: int, seed: int):
    generator = torch.Generator().manual_seed(seed)
    return lambda low, high, *bands: (
        low + (high - low) * torch.rand(batch, *bands, generator=generator)
    )
