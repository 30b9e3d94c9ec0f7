"""What a processor supports, told by itself; `tests/docs/test_facts.py` tries each fact."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from dasp.processors import Processor
from dasp.signal import use_kernels
from dasp.signal._kernel import Kernel

SAMPLE_RATE = 48_000


@dataclass(frozen=True)
class Supports:
    """Facts about a processor."""

    automatable: tuple[str, ...]
    """Parameters that may have a value for every sample."""
    streams: bool
    """Whether blocks equal the whole."""
    latency: int
    """Samples that a stream is late, at the defaults and `SAMPLE_RATE`."""
    gpu: tuple[str, ...]
    """Kernels with a form for GPUs that a call asks for, by name; all else are torch operations."""


def supports(processor: Processor, x: Tensor, settings: Mapping[str, Any]) -> Supports:
    """The facts of a processor, of which a call on `x` tells which kernels it asks for."""
    return Supports(
        tuple(param.name for param in processor.params if param.automatable),
        processor.can_stream,
        processor.latency(SAMPLE_RATE),
        gpu_kernels(processor, x, settings),
    )


def gpu_kernels(processor: Processor, x: Tensor, settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The kernels with a form for GPUs that a call asks for, but not what those are made of."""
    asked: dict[str, None] = {}
    within: list[FrameType] = []

    def form_for(kernel, *arguments, gradient=False):
        """None: the portable form runs, and asks for kernels of its own, which a GPU does not."""
        frame = sys._getframe(1)
        if kernel.gpu is not None:
            if not any(above in within for above in _above(frame)):
                asked[kernel.name] = None
            within.append(frame)

    with use_kernels("torch"), torch.no_grad(), mock.patch.object(Kernel, "form_for", form_for):
        processor(x, SAMPLE_RATE, **settings)
    return tuple(asked)


def _above(frame: FrameType) -> Iterator[FrameType]:
    """What called a frame, and so on."""
    while frame.f_back is not None:
        frame = frame.f_back
        yield frame
