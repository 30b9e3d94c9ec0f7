"""Six bands of equalisation: a low shelf, four peaks, a high shelf."""

from functools import partial

import numpy as np
import scipy.signal
from torch import Tensor

from benchmarks import peers
from benchmarks.common import Call, Contender, Work
from benchmarks.settings import (
    SAMPLE_RATE,
    eq_settings,
    forward_and_backward,
    forward_only,
    noise,
    sections,
)
from dasp.functional import parametric_eq

FILTER, GRADIENTS = 9, 10
"""Operations of a section on a sample: five products and their sum; a term of five gradients."""


def works(quick: bool) -> list[Work]:
    """Forward, and forward and backward to the input and all parameters."""
    shape = (2, 2, 8192) if quick else (8, 2, 131_072)
    x, settings = noise(*shape), eq_settings(shape[0])
    sos, x64 = sections(settings).numpy(), x.double().numpy()
    sos32 = sos.astype(np.float32)

    differentiable = {
        "dasp": (_dasp, ""),
        "dasp-pytorch": (peers.dasp_pytorch_eq, "by FFT: what rings beyond its end wraps around"),
        "philtorch": (peers.philtorch_eq, "section by section, designed by dasp"),
        "torchlpc": (peers.torchlpc_eq, "section by section, designed by dasp"),
        "diffFx-pytorch": (
            peers.difffx_eq,
            "not the same: with several items and channels it exchanges their settings",
        ),
    }
    forward = tuple(
        Contender(name, partial(forward_only, eq, x, settings), note)
        for name, (eq, note) in differentiable.items()
    )
    backward = tuple(
        Contender(name, partial(forward_and_backward, eq, x, settings), note)
        for name, (eq, note) in differentiable.items()
    )
    others = (
        Contender("SciPy float64", lambda: partial(filter_each, x64, sos), "one thread"),
        Contender("SciPy float32", lambda: partial(filter_each, x.numpy(), sos32), "one thread"),
        Contender("pedalboard", partial(_pedalboard, x, settings), "one thread"),
    )
    size, section_samples = {"signal_bytes": 4 * x.numel()}, sos.shape[1] * x.numel()
    title = f"Six-band EQ, {shape}"
    return [
        Work("eq_forward", f"{title}, forward", forward + others,
             partial(filter_each, x64, sos), **size, operations=FILTER * section_samples),
        Work("eq_backward", f"{title}, forward and backward to the input and all 18 parameters",
             backward, partial(_gradient, x64, sos), **size, signals=5,
             operations=(2 * FILTER + GRADIENTS) * section_samples),
    ]  # fmt: skip


def _dasp(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    return parametric_eq(x, SAMPLE_RATE, **settings)


def filter_each(x: np.ndarray, sos: np.ndarray) -> np.ndarray:
    """SciPy's answer: each item of a batch through its own sections."""
    return np.stack([scipy.signal.sosfilt(s, item) for s, item in zip(sos, x, strict=True)])


def _pedalboard(x: Tensor, settings: dict[str, Tensor]) -> Call:
    return peers.each_item([peers.pedalboard_eq(settings, i) for i in range(len(x))], x)


def _gradient(cotangent: np.ndarray, sos: np.ndarray) -> np.ndarray:
    """The adjoint of a filter is the filter run backwards in time."""
    return filter_each(cotangent[..., ::-1], sos)[..., ::-1]
