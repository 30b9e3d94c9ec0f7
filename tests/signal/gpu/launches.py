"""How many kernels a processor launches on a GPU, counted on a CPU.

Every operation of torch that computes something is a launch, and every kernel of ours is one. What
only looks at a tensor in another way, or makes an empty one, is none. What reads a number back
waits for the GPU, and is counted apart.
"""

from collections import Counter
from typing import NamedTuple
from unittest import mock

import torch
from torch import Tensor
from torch.autograd.profiler import profile

from dasp import _checks
from dasp.functional import _made_once
from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import CASES, audio
from tests.signal.gpu.on_cpu import kernels_on_cpu

MADE_OF_OTHERS = frozenset(
    [
        "alias",
        "as_strided",
        "as_strided_",
        "adjoint",
        "broadcast_tensors",
        "broadcast_to",
        "can_cast",
        "chunk",
        "clone",
        "constant_pad_nd",
        "contiguous",
        "detach",
        "detach_",
        "diagonal",
        "empty",
        "empty_like",
        "empty_strided",
        "expand",
        "expand_as",
        "fft_irfft",
        "fft_rfft",
        "flatten",
        "full",
        "gather_backward",
        "hstack",
        "imag",
        "item",
        "is_complex",
        "is_floating_point",
        "is_nonzero",
        "is_same_size",
        "lift_fresh",
        "matmul",
        "movedim",
        "mT",
        "narrow",
        "new_empty",
        "new_full",
        "new_ones",
        "new_zeros",
        "numel",
        "ones",
        "ones_like",
        "pad",
        "permute",
        "promote_types",
        "real",
        "requires_grad_",
        "reshape",
        "resize_",
        "resolve_conj",
        "resolve_neg",
        "result_type",
        "rsub",
        "select",
        "select_backward",
        "set_",
        "size",
        "slice",
        "slice_backward",
        "split",
        "split_with_sizes",
        "square",
        "squeeze",
        "stack",
        "swapaxes",
        "t",
        "to",
        "transpose",
        "type_as",
        "unbind",
        "unflatten",
        "unfold",
        "unfold_backward",
        "unsqueeze",
        "view",
        "view_as",
        "view_as_complex",
        "view_as_real",
        "zeros",
        "zeros_like",
        "_conj",
        "_reshape_alias",
        "_to_copy",
        "_unsafe_view",
        "_local_scalar_dense",
        "value_selecting_reduction_backward",
    ]
)
"""What launches nothing by itself: it looks at a tensor in another way, or calls others."""

WAITS = frozenset(("_local_scalar_dense", "nonzero", "equal", "masked_select", "unique"))


class Launches(NamedTuple):
    """Of one call."""

    count: int
    waits: int
    names: Counter


def launches(name: str, x: Tensor, settings: dict, gradient: bool) -> Launches:
    """Of a processor of the catalogue, of its gradient too if that is wanted."""
    case = CASES[name]
    inputs = {key: value.to(x.dtype) for key, value in case.inputs}

    def call() -> None:
        y = CATALOGUE[name](x, 44_100, **inputs, **settings)
        if gradient:
            y.backward(torch.empty_like(y).fill_(1.0))

    with (
        mock.patch.object(_checks, "_is_readable", lambda value: False),
        kernels_on_cpu() as launched,
    ):
        call()  # what a GPU keeps is there
        _made_once._kept.cache_clear()  # which a CPU alone keeps
        launched.clear()
        with profile() as profiler:
            call()
    events = [event for event in profiler.function_events if event.name.startswith("aten::")]
    waits = sum(_operation(event) in WAITS for event in events)
    outer = (event for event in events if not _is_within(event))
    names = Counter(launched) + Counter(name for event in outer for name in _launched_by(event))
    return Launches(sum(names.values()), waits, names)


def _operation(event) -> str:
    return event.name.removeprefix("aten::")


def _is_within(event) -> bool:
    parent = event.cpu_parent
    return parent is not None and (parent.name.startswith("aten::") or _is_within(parent))


def _launched_by(event) -> list[str]:
    """The operations that compute; the names of "where", which may call itself, are told apart."""
    name, children = _operation(event), event.cpu_children
    if name in MADE_OF_OTHERS or any(child.name == event.name for child in children):
        return [operation for child in children for operation in _launched_by(child)]
    return [name]


def of_defaults(name: str, time: int, *, gradient: bool, batch: int = 8) -> Launches:
    """With the defaults: as numbers, or for a gradient as tensors that each have one."""
    x, settings = audio(name, (batch,), time=time, dtype=torch.float32), CATALOGUE[name].defaults()
    if gradient:
        x.requires_grad_()
        wanted = {p.name for p in CATALOGUE[name].params if p.differentiable}
        settings = {
            key: torch.tensor(value).requires_grad_() if key in wanted else value
            for key, value in settings.items()
        }
    return launches(name, x, settings, gradient)


BUDGETS = {
    "gain": (10, 20),
    "stereo_panner": (40, 80),
    "stereo_widener": (15, 30),
    "mid_side": (20, 50),
    "stereo_bus": (10, 20),
    "parametric_eq": (40, 100),
    "graphic_eq": (40, 100),
    "graphic_eq_31": (40, 100),
    "low_pass": (25, 50),
    "high_pass": (25, 50),
    "fir": (20, 50),
    "compressor": (40, 100),
    "expander": (40, 100),
    "noise_gate": (40, 100),
    "limiter": (40, 100),
    "multiband_compressor": (40, 100),
    "de_esser": (40, 100),
    "distortion": (40, 110),
    "time_shift": (45, 110),
    "delay": (40, 100),
    "chorus": (60, 120),
    "flanger": (60, 140),
    "phaser": (50, 120),
    "tremolo": (30, 60),
    "noise_shaped_reverb": (25, 80),
    "feedback_delay_network": (40, 100),
    "plate_reverb": (40, 100),
    "convolution_reverb": (40, 100),
}
"""The most launches of a call with the defaults: forward, and forward and backward."""


def table() -> str:
    """All processors with what they launch, as docs/gpu.md has it."""
    rows = ["| processor | forward | with gradients |", "| --- | --- | --- |"]
    for name in BUDGETS:
        forward, both = (of_defaults(name, 65_536, gradient=g) for g in (False, True))
        rows.append(f"| {name} | {forward.count} | {both.count} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
