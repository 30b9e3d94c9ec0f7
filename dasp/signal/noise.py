"""Noise that is the same on every device and at every call."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from torch import Tensor

from dasp.signal._operator import define_operator


def white_noise(
    shape: Sequence[int],
    source: int | torch.Generator,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw Gaussian noise of mean 0 and variance 1 from a seed or a generator.

    A seed gives the same samples at every call, also under `torch.compile` and `vmap`, where
    every item gets the same noise. A `torch.Generator` moves on, as elsewhere in torch. Samples
    are drawn on the CPU in float64, then rounded and moved, so that neither `dtype` nor `device`
    changes them by more than the rounding.

    Args:
        shape: Shape of the noise.
        source: A seed, a whole number, or a generator on the CPU.
        dtype: Type of the noise, floating point.
        device: Device of the noise.

    Returns:
        Noise of that shape, type and device.

    Raises:
        ValueError: If the generator is on another device, or `dtype` is not floating point.

    >>> torch.equal(white_noise((2, 100), 7), white_noise((2, 100), 7))
    True
    """
    if not dtype.is_floating_point:
        raise ValueError(f"dtype: expected a type of floating-point numbers, got {dtype}")
    if isinstance(source, int):
        noise = _seeded_noise(shape, source)
    elif source.device.type == "cpu":
        noise = torch.randn(tuple(shape), generator=source, dtype=torch.float64)
    else:
        raise ValueError(f"source: expected a generator on the CPU, got one on {source.device}")
    return noise.to(device, dtype)


def _draw(shape: Sequence[int], seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    draw = partial(torch.randn, tuple(shape), generator=generator, dtype=torch.float64)
    try:
        return draw()
    except RuntimeError:  # `jacobian(vectorize=True)` lets nothing be drawn on its thread
        with ThreadPoolExecutor(1) as another:
            return another.submit(draw).result()


# An operator of its own, because a generator cannot be made inside a compiled graph.
_seeded_noise = define_operator(
    "seeded_noise(SymInt[] shape, int seed) -> Tensor",
    _draw,
    lambda shape, seed: torch.empty(tuple(shape), dtype=torch.float64),
)
