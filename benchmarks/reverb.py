"""Noise shaped in octaves, as a response of 65,536 taps that is made and convolved with."""

import math
from functools import partial

import numpy as np
import scipy.signal
import torch
from torch import Tensor

from benchmarks import peers
from benchmarks.common import Call, Contender, Work
from benchmarks.settings import SAMPLE_RATE, forward_only, noise
from dasp.functional import noise_shaped_reverb


def works(quick: bool) -> list[Work]:
    """Forward, beside the convolution alone."""
    shape, taps = ((2, 2, 8192), 4096) if quick else ((2, 2, 131_072), 65_536)
    x, draw = noise(*shape), noise(2, taps, seed=3) / 0.25
    own_noise = "not the same noise, nor the same bands: twelve, filtered and convolved directly"
    contenders = (
        Contender("dasp", partial(forward_only, partial(_dasp, draw), x)),
        Contender("dasp-pytorch", partial(_dasp_pytorch, x, taps), own_noise),
        Contender("diffFx-pytorch", partial(_difffx, x, taps), own_noise),
        Contender(
            "SciPy float64", partial(_scipy, x, draw),
            "less work: oaconvolve with a response that is given; one thread",
        ),
        Contender(
            "pedalboard", partial(_pedalboard, x, draw),
            "less work: convolves with a response that is given; one thread",
        ),
    )  # fmt: skip
    title = f"Noise-shaped reverb, {taps:,} taps, {shape}, forward"
    reference = partial(_reference, x, draw)
    length = taps + shape[-1]
    transforms = 2 * math.prod(shape[:-1]) + shape[-2]  # of signals and back, and of the response
    return [
        Work("reverb_forward", title, contenders, reference, signal_bytes=4 * x.numel(),
             operations=2.5 * transforms * length * math.log2(length)),
    ]  # fmt: skip


def _dasp(draw: Tensor, x: Tensor) -> Tensor:
    gain_db, rt60_s = torch.linspace(-6, -12, 10), torch.linspace(1.2, 0.4, 10)
    return noise_shaped_reverb(
        x, SAMPLE_RATE, band_gain_db=gain_db, rt60_s=rt60_s, mix=0.5, noise=draw
    )


def _response(draw: Tensor) -> Tensor:
    """What dasp makes of the noise, `(2, taps)`: the response to an impulse, in float64."""
    impulse = torch.eye(1, draw.shape[-1], dtype=torch.float64).expand(2, -1)
    return 2 * _dasp(draw.double(), impulse) - impulse


def _bands(batch: int) -> dict[str, Tensor]:
    gains = {f"band{i}_gain": torch.full((batch, 1), 0.5) for i in range(12)}
    return gains | {f"band{i}_decay": torch.full((batch, 1), 0.5) for i in range(12)}


def _dasp_pytorch(x: Tensor, taps: int) -> Call:
    function = peers.dasp_pytorch().noise_shaped_reverberation
    bands = _bands(len(x)) | {"mix": torch.full((len(x), 1), 0.5)}

    @torch.no_grad()
    def call() -> None:
        function(x, SAMPLE_RATE, **bands, num_samples=taps)

    return call


def _difffx(x: Tensor, taps: int) -> Call:
    reverb = peers.difffx("reverb.noiseShape").NoiseShapedReverb(SAMPLE_RATE, num_samples=taps)
    bands = {name: value[:, 0] for name, value in _bands(len(x)).items()}
    bands["mix"] = torch.full((len(x),), 0.5)

    @torch.no_grad()
    def call() -> None:
        reverb.process(x, None, bands)

    return call


def _scipy(x: Tensor, draw: Tensor) -> Call:
    signal, response = x.double().numpy(), _response(draw).numpy()[None]
    time = x.shape[-1]
    return lambda: 0.5 * (signal + scipy.signal.oaconvolve(signal, response, axes=-1)[..., :time])


def _pedalboard(x: Tensor, draw: Tensor) -> Call:
    response = _response(draw).float().numpy()
    convolved = peers.each_item([peers.pedalboard_convolution(response) for _ in x], x)
    signal = x.numpy()
    return lambda: 0.5 * (signal + convolved())


def _reference(x: Tensor, draw: Tensor) -> np.ndarray:
    wet = scipy.signal.fftconvolve(x.double().numpy(), _response(draw).numpy()[None], axes=-1)
    return 0.5 * (x.double().numpy() + wet[..., : x.shape[-1]])
