"""Every gradient mode keeps what plain processors keep: a controller cannot tell which it drives.

A handful of processors stands for all: a parameter alone, bands on a logarithmic scale, recursions
with a memory, a curve, tracks that are summed, and a chain.
"""

import pytest
import torch

from dasp.grad import TCN, with_gradient
from dasp.processors import chain
from dasp.processors.catalogue import COMPRESSOR, DISTORTION, GAIN, PARAMETRIC_EQ, STEREO_BUS

RATE = 44_100
PROCESSORS = {
    "gain": GAIN,
    "parametric_eq": PARAMETRIC_EQ,
    "compressor": COMPRESSOR,
    "distortion": DISTORTION,
    "stereo_bus": STEREO_BUS,
    "chain": chain(GAIN, DISTORTION),
}
MODES = ("spsa", "finite_difference", "proxy", "half_hybrid", "full_hybrid")
EXACT = ("spsa", "finite_difference", "full_hybrid")
"""The modes whose output in training is the processor's."""

# A network hears one signal, and cannot sum tracks.
PAIRS = [(n, m) for n in PROCESSORS for m in MODES if n != "stereo_bus" or m in EXACT[:2]]

every_mode = pytest.mark.parametrize("name, mode", PAIRS)


def moded(name: str, mode: str):
    """The processor under a mode, always from the same seeds."""
    processor = PROCESSORS[name]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = TCN(processor.n_controls, RATE, width=2, blocks=2, kernel=3)
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=0.1)
    generator = torch.Generator().manual_seed(2)
    return with_gradient(
        processor, mode, network=network, generator=generator, audio_gradient=mode == "spsa"
    )


def audio(name: str, batch: tuple[int, ...] = (), time: int = 64, dtype=torch.float64):
    tracks = (3,) if name == "stereo_bus" else ()
    return (0.3 * torch.randn(*batch, *tracks, 2, time, dtype=torch.float64)).to(dtype)


def draw(name: str, x: torch.Tensor) -> dict[str, torch.Tensor]:
    shape = (*x.shape[:-2], PROCESSORS[name].n_controls)
    wide = torch.promote_types(x.dtype, torch.float32)
    return learned(PROCESSORS[name].to_physical(0.1 + 0.8 * torch.rand(shape, dtype=wide)))


def learned(settings: dict) -> dict[str, torch.Tensor]:
    return {key: value.detach().clone().requires_grad_() for key, value in settings.items()}


def gradients(name: str, mode: str, x: torch.Tensor, settings: dict) -> dict[str, torch.Tensor]:
    settings = learned(settings)
    moded(name, mode)(x, RATE, **settings).square().sum().backward()
    return {key: value.grad for key, value in settings.items()}


@every_mode
def test_it_is_the_same_processor(name, mode):
    plain, other = PROCESSORS[name], moded(name, mode)
    for field in ("name", "params", "options", "inputs", "neutral", "parts"):
        assert getattr(other, field) == getattr(plain, field)


@every_mode
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_shapes_and_types_are_kept(name, mode, dtype, batch):
    x = audio(name, batch, dtype=dtype)
    settings = draw(name, x)
    y = moded(name, mode)(x, RATE, **settings)
    y.float().square().sum().backward()
    assert y.dtype is dtype
    assert y.shape == (*batch, 2, 64)
    for value in settings.values():
        assert value.grad.shape == value.shape
        assert value.grad.dtype is value.dtype
        assert value.grad.isfinite().all()


@every_mode
def test_the_output_in_use_is_the_processors_own(name, mode):
    x = audio(name, (2,), dtype=torch.float32)
    settings = draw(name, x)
    exact = PROCESSORS[name](x, RATE, **settings)
    if mode in EXACT:
        assert torch.equal(moded(name, mode)(x, RATE, **settings), exact)
    if mode != "proxy":
        with torch.no_grad():
            assert torch.equal(moded(name, mode)(x, RATE, **settings), exact)


@every_mode
def test_items_of_a_batch_are_independent(name, mode):
    """The output, and where it is not drawn the gradient, of an item is what it is alone."""
    x = audio(name, (3,))
    settings = draw(name, x)
    together = moded(name, mode)(x, RATE, **settings)
    grads = gradients(name, mode, x, settings)
    for i in range(3):
        own = {key: value[i] for key, value in settings.items()}
        torch.testing.assert_close(together[i], moded(name, mode)(x[i], RATE, **own))
        if mode != "spsa":
            for key, grad in gradients(name, mode, x[i], own).items():
                torch.testing.assert_close(grads[key][i], grad, rtol=1e-4, atol=1e-6)


@every_mode
@pytest.mark.parametrize("time", [0, 1, 2])
def test_the_shortest_signals(name, mode, time):
    x = audio(name, (2,), time=time, dtype=torch.float32)
    settings = draw(name, x)
    if mode != "finite_difference":
        x.requires_grad_()
    y = moded(name, mode)(x, RATE, **settings)
    assert y.shape == (2, 2, time)
    y.sum().backward()
    assert x.grad is None or x.grad.isfinite().all()


@every_mode
@pytest.mark.parametrize("end", [0.0, 1.0])
@pytest.mark.parametrize("sound", ["noise", "silence"])
def test_gradients_are_finite_at_the_ends(name, mode, end, sound):
    x = audio(name, (2,), dtype=torch.float32) * (sound == "noise")
    controls = torch.full((*x.shape[:-2], PROCESSORS[name].n_controls), end)
    for grad in gradients(name, mode, x, PROCESSORS[name].to_physical(controls)).values():
        assert grad.isfinite().all()


@every_mode
def test_one_seed_gives_one_gradient(name, mode):
    x = audio(name, (2,))
    settings = draw(name, x)
    first, again = gradients(name, mode, x, settings), gradients(name, mode, x, settings)
    assert all(torch.equal(first[key], again[key]) for key in first)
