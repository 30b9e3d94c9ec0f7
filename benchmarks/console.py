"""A step of training a mixer: 16 tracks through gain, EQ, compressor and pan into a sum."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.common import Call, Contender, Work
from benchmarks.compressor import backwards, compress_each, forwards
from benchmarks.eq import FILTER, GRADIENTS, filter_each
from benchmarks.settings import SAMPLE_RATE, bursts, compressor_settings, eq_settings, sections
from dasp.mixing.console import Console, Settings
from dasp.processors.catalogue import COMPRESSOR, GAIN, PARAMETRIC_EQ, STEREO_PANNER

CONSOLE = Console(strip=(GAIN, PARAMETRIC_EQ, COMPRESSOR, STEREO_PANNER), buses={}, master=())

OPERATIONS = 6 * (2 * FILTER + GRADIENTS) + forwards(1) + backwards(1) + 3 * (1 + 4)
"""For a sample of a track, forward and backward: EQ, compressor, gain, and panning into a sum."""


def works(quick: bool) -> list[Work]:
    """Forward and backward to the tracks and all 25 parameters of each."""
    tracks, seconds = (2, 0.25) if quick else (16, 10)
    x = bursts(tracks, 1, int(seconds * SAMPLE_RATE))
    levels = {"gain_db": torch.linspace(-6, 6, tracks), "pan": torch.linspace(-0.9, 0.9, tracks)}
    strip = (levels, eq_settings(tracks), compressor_settings(tracks))
    contenders = (
        Contender("dasp", partial(_step, _dasp, x, *strip)),
        Contender(
            "dasp-pytorch",
            partial(_step, _dasp_pytorch, x, *strip),
            "its compressor has no release; another law of panning",
        ),
        Contender("diffFx-pytorch", partial(_step, _difffx, x, *strip), "another law of panning"),
    )
    title = f"Console of {tracks} tracks of {seconds} s, forward and backward"
    return [
        Work(
            "console",
            title,
            contenders,
            partial(_reference, x, *strip),
            signal_bytes=4 * x.numel(),
            signals=5,
            operations=x.numel() * OPERATIONS,
            memory=True,
        )
    ]


def _step(console, x: Tensor, *strip: dict[str, Tensor]) -> Call:
    """The call that gives the gradient of the tracks, and computes those of all settings.

    The loss is half the energy of the mix.
    """
    x = x.clone().requires_grad_()
    strip = [{name: value.clone().requires_grad_() for name, value in s.items()} for s in strip]
    leaves = [x, *(value for settings in strip for value in settings.values())]

    def call() -> Tensor:
        loss = console(x, *strip).square().sum() / 2
        return torch.autograd.grad(loss, leaves, allow_unused=True)[0]

    return call


def _dasp(x: Tensor, levels: dict, eq: dict, dynamics: dict) -> Tensor:
    settings = {"gain.gain_db": levels["gain_db"], "stereo_panner.pan": levels["pan"]}
    settings |= {f"parametric_eq.{name}": value for name, value in eq.items()}
    settings |= {f"compressor.{name}": value for name, value in dynamics.items()}
    return CONSOLE(x, SAMPLE_RATE, Settings(settings))


def _dasp_pytorch(x: Tensor, levels: dict, eq: dict, dynamics: dict) -> Tensor:
    functions = peers.dasp_pytorch()
    x = functions.gain(x, SAMPLE_RATE, levels["gain_db"])
    x = peers.dasp_pytorch_eq(x, eq)
    x = peers.dasp_pytorch_compressor(x, dynamics)
    return functions.stereo_panner(x.transpose(0, 1), SAMPLE_RATE, _from_left(levels)).sum(2)


def _difffx(x: Tensor, levels: dict, eq: dict, dynamics: dict) -> Tensor:
    x = peers.difffx("gain").Gain(SAMPLE_RATE).process(x, None, {"gain_db": levels["gain_db"]})
    x = peers.difffx_eq(x, eq)
    x = peers.difffx_compressor(x, dynamics)
    pan = {"pan": _from_left(levels)}
    return peers.difffx("spatial").StereoPanning(SAMPLE_RATE).process(x, None, pan).sum(0)


def _from_left(levels: dict) -> Tensor:
    """The position from 0 to 1."""
    return (levels["pan"] + 1) / 2


def _reference(x: Tensor, levels: dict, eq: dict, dynamics: dict) -> np.ndarray:
    """The gradient of the tracks: every stage's adjoint after the other, from the mix back."""
    gains = 10 ** (levels["gain_db"].double().numpy() / 20)[:, None, None]
    angle = (levels["pan"].double().numpy() + 1) * np.pi / 4
    sides = np.stack((np.cos(angle), np.sin(angle)), 1)
    sos = sections(eq).numpy()
    equalised = filter_each(gains * x.double().numpy(), sos)
    compressed, _ = compress_each(equalised, equalised, dynamics)
    mix = (sides[:, :, None] * compressed).sum(0)
    to_compressor = (sides[:, :, None] * mix).sum(1, keepdims=True)
    _, to_eq = compress_each(equalised, to_compressor, dynamics)
    return gains * filter_each(to_eq[..., ::-1], sos)[..., ::-1]
