"""A compressor with a soft knee and true attack and release, one gain for both channels."""

from functools import partial

import numpy as np
from numba import njit
from torch import Tensor

from benchmarks import peers
from benchmarks.common import Call, Contender, Work
from benchmarks.settings import (
    SAMPLE_RATE,
    bursts,
    compressor_settings,
    forward_and_backward,
    forward_only,
)
from dasp.functional import compressor


def works(quick: bool) -> list[Work]:
    """Forward, and forward and backward to the input and all parameters."""
    shape = (2, 2, 8192) if quick else (8, 2, 131_072)
    x, settings = bursts(*shape), compressor_settings(shape[0])
    differentiable = {
        "dasp": (_dasp, ""),
        "dasp-pytorch": (
            peers.dasp_pytorch_compressor,
            "not the same: no release, other attack, channels summed",
        ),
        "torchcomp": (
            peers.torchcomp_compressor,
            "not the same: smooths the gain, not its decibels; no knee",
        ),
        "diffFx-pytorch": (peers.difffx_compressor, "not the same: hears the mean of the channels"),
    }
    forward = tuple(
        Contender(name, partial(forward_only, function, x, settings), note)
        for name, (function, note) in differentiable.items()
    )
    backward = tuple(
        Contender(name, partial(forward_and_backward, function, x, settings), note)
        for name, (function, note) in differentiable.items()
    )
    pedalboard = Contender(
        "pedalboard", partial(_pedalboard, x, settings),
        "not the same: smooths the level, each channel on its own; no knee; one thread",
    )  # fmt: skip
    size = {"signal_bytes": 4 * x.numel()}
    frames, channels = shape[0] * shape[2], shape[1]
    title = f"Compressor, {shape}"
    return [
        Work("compressor_forward", f"{title}, forward", (*forward, pedalboard),
             partial(_reference, x, settings), **size, operations=frames * forwards(channels)),
        Work("compressor_backward",
             f"{title}, forward and backward to the input and all parameters",
             backward, partial(_reference_gradient, x, settings), **size, signals=5,
             operations=frames * (forwards(channels) + backwards(channels))),
    ]  # fmt: skip


def forwards(channels: int) -> int:
    """Operations on the samples of an instant: the level, the curve, the smoother and the gain.

    A logarithm and an exponential are polynomials of 12 operations.
    """
    return 2 * channels + 12 + 8 + 5 + 12 + channels


def backwards(channels: int) -> int:
    """Those of the adjoint, which knows the gain: two products a channel, and six parameters."""
    return 4 * channels + 10 + 2 * 6


def _dasp(x: Tensor, settings: dict[str, Tensor]) -> Tensor:
    return compressor(x, SAMPLE_RATE, **settings)


def _pedalboard(x: Tensor, settings: dict[str, Tensor]) -> Call:
    return peers.each_item([peers.pedalboard_compressor(settings, i) for i in range(len(x))], x)


def _reference(x: Tensor, settings: dict[str, Tensor]) -> np.ndarray:
    return compress_each(x.double().numpy(), x.double().numpy(), settings)[0]


def _reference_gradient(x: Tensor, settings: dict[str, Tensor]) -> np.ndarray:
    return compress_each(x.double().numpy(), x.double().numpy(), settings)[1]


def compress_each(
    x: np.ndarray, cotangent: np.ndarray, settings: dict[str, Tensor]
) -> tuple[np.ndarray, np.ndarray]:
    """The written-out compressor on each item of a batch, and its gradient for a cotangent."""
    items = [
        _compress(x[i], cotangent[i], *(value[i].item() for value in settings.values()))
        for i in range(len(x))
    ]
    return np.stack([y for y, _ in items]), np.stack([gradient for _, gradient in items])


@njit
def _compress(x, cotangent, threshold_db, ratio, attack_ms, release_ms, knee_db, makeup_gain_db):
    """The compressor sample by sample, and the gradient of its input.

    Giannoulis, Massberg and Reiss (2012), equations 4 and 16.
    """
    channels, time = x.shape
    attack, release = np.exp(-1000 / (SAMPLE_RATE * np.array([attack_ms, release_ms])))
    slope, half = 1 - 1 / ratio, knee_db / 2
    loudest = np.zeros(time, np.int64)
    derivative = np.zeros(time)  # of the wanted reduction by the sample that it was made from
    pole = np.zeros(time)
    gain = np.zeros(time)
    reduction = 0.0
    for n in range(time):
        for channel in range(channels):
            if abs(x[channel, n]) > abs(x[loudest[n], n]):
                loudest[n] = channel
        sample = x[loudest[n], n]
        over = 20 * np.log10(max(abs(sample), 1e-8)) - threshold_db
        if over >= half:
            wanted, steepness = slope * over, slope
        elif over > -half:
            wanted = slope * (over + half) ** 2 / (2 * knee_db)
            steepness = slope * (over + half) / knee_db
        else:
            wanted, steepness = 0.0, 0.0
        if abs(sample) > 1e-8:
            derivative[n] = steepness * 20 / np.log(10) / sample
        pole[n] = attack if wanted > reduction else release
        reduction = pole[n] * reduction + (1 - pole[n]) * wanted
        gain[n] = 10 ** ((makeup_gain_db - reduction) / 20)
    y = x * gain
    gradient = cotangent * gain
    adjoint = 0.0
    for n in range(time - 1, -1, -1):
        adjoint -= np.log(10) / 20 * gain[n] * np.sum(x[:, n] * cotangent[:, n])
        gradient[loudest[n], n] += (1 - pole[n]) * adjoint * derivative[n]
        adjoint *= pole[n]
    return y, gradient
