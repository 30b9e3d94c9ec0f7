"""The recursions under all dynamics: branching attack and release, and one pole that moves."""

from functools import partial

import numpy as np
import torch
from numba import njit
from torch import Tensor

from benchmarks.common import Contender, Work
from benchmarks.settings import SAMPLE_RATE, bursts, forward_and_backward, forward_only
from dasp.signal.ballistics import ballistics
from dasp.signal.smoothing import linear_recurrence


def works(quick: bool) -> list[Work]:
    """Both recursions on rows of a level, forward, and forward and backward."""
    shape = (2, 8192) if quick else (16, 131_072)
    x = bursts(*shape).abs()
    poles = torch.exp(-1000 / (SAMPLE_RATE * torch.tensor([5.0, 100.0])))
    attack, release = poles.expand(shape[0], 2).unbind(-1)
    pole = torch.where(x > x.roll(1, -1), attack[:, None], release[:, None])
    smoother = {"dasp": _dasp, "torchcomp": _torchcomp}
    recurrence = {
        "dasp": _dasp_recurrence,
        "philtorch": _philtorch_recurrence,
        "torchlpc": _torchlpc_recurrence,
    }
    found = []
    for name, title, functions, arguments, loop in (
        ("ballistics", "Branching ballistics", smoother, (attack, release), _branching_loop),
        ("recurrence", "One pole that varies in time", recurrence, (pole,), _recurrence_loop),
    ):
        for suffix, words, call, result, signals in (
            ("forward", "forward", forward_only, 0, 2),
            ("backward", "forward and backward to all inputs", forward_and_backward, 1, 5),
        ):
            found.append(
                Work(
                    f"{name}_{suffix}",
                    f"{title}, {shape}, {words}",
                    tuple(
                        Contender(peer, partial(call, function, x, *arguments))
                        for peer, function in functions.items()
                    ),
                    partial(_reference, loop, x, arguments, result),
                    signal_bytes=4 * x.numel(),
                    signals=signals,
                )
            )
    return found


def _dasp(x: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    return ballistics(x, attack, release)[0]


def _torchcomp(x: Tensor, attack: Tensor, release: Tensor) -> Tensor:
    """torchcomp follows a gain, whose attack is a fall, so both signs are turned."""
    from torchcomp.core import compressor_core

    return -compressor_core(-x, x.new_zeros(len(x)), 1 - attack, 1 - release)


def _dasp_recurrence(x: Tensor, pole: Tensor) -> Tensor:
    return linear_recurrence(pole, x)[0]


def _philtorch_recurrence(x: Tensor, pole: Tensor) -> Tensor:
    from philtorch.lpv import linear_recurrence

    return linear_recurrence(pole, x.new_zeros(len(x)), x)


def _torchlpc_recurrence(x: Tensor, pole: Tensor) -> Tensor:
    from torchlpc import sample_wise_lpc

    return sample_wise_lpc(x, -pole[..., None])


def _reference(loop, x: Tensor, arguments: tuple[Tensor, ...], result: int) -> np.ndarray:
    """The answer (0) or the gradient of `x` (1) of a loop in float64."""
    return loop(x.double().numpy(), *(value.double().numpy() for value in arguments))[result]


@njit
def _branching_loop(x, attack, release):
    pole, y = np.zeros_like(x), np.zeros_like(x)
    for row in range(len(x)):
        last = 0.0
        for n in range(x.shape[1]):
            pole[row, n] = attack[row] if x[row, n] > last else release[row]
            last = pole[row, n] * last + (1 - pole[row, n]) * x[row, n]
            y[row, n] = last
    return y, (1 - pole) * _adjoint(pole, x)


@njit
def _recurrence_loop(x, pole):
    y = np.zeros_like(x)
    for row in range(len(x)):
        last = 0.0
        for n in range(x.shape[1]):
            last = pole[row, n] * last + x[row, n]
            y[row, n] = last
    return y, _adjoint(pole, x)


@njit
def _adjoint(pole, cotangent):
    """The recurrence run backwards: b[n] gets its cotangent, and p[n+1] of what b[n+1] gets."""
    adjoint = np.zeros_like(pole)
    for row in range(len(pole)):
        later = 0.0
        for n in range(pole.shape[1] - 1, -1, -1):
            adjoint[row, n] = cotangent[row, n] + later
            later = pole[row, n] * adjoint[row, n]
    return adjoint
