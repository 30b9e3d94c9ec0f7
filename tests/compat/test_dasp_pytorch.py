"""Code written for dasp-pytorch runs, and computes what it said: closed forms, and itself."""

import math

import pytest
import torch

from dasp import functional as F
from dasp.compat import dasp_pytorch as compat

RATE = 44_100


def _noise(*shape, seed=0):
    return 0.2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _peer():
    return pytest.importorskip("dasp_pytorch", reason="dasp-pytorch is not installed")


PROCESSORS = {
    "Gain": 1, "Distortion": 1, "ParametricEQ": 18, "Compressor": 6, "NoiseShapedReverb": 25,
}  # fmt: skip


def _made(module, name):
    return getattr(module, name)(*(() if name == "Distortion" else (RATE,)))


@pytest.mark.parametrize("name", PROCESSORS)
def test_a_class_processes_normalised_parameters(name):
    processor = _made(compat, name)
    assert processor.num_params == PROCESSORS[name] == len(processor.param_ranges)
    controls = torch.rand(3, processor.num_params).requires_grad_()
    x = _noise(3, 2, 4000)
    y = processor.process_normalized(x, controls)
    assert y.shape == x.shape
    y.square().sum().backward()
    assert controls.grad.isfinite().all() and (controls.grad != 0).any(0).float().mean() > 0.8
    values = processor.denormalize_param_dict(processor.extract_param_dict(controls.detach()))
    torch.testing.assert_close(processor.process(x, RATE, *values.values()), y.detach())
    with pytest.raises(ValueError, match="columns"):
        processor.process_normalized(x, controls[:, 1:])
    with pytest.raises(ValueError, match="from 0 to 1"):
        processor.process_normalized(x, controls.detach() + 1)


@pytest.mark.parametrize("name", ["Gain", "ParametricEQ", "Compressor", "NoiseShapedReverb"])
def test_ranges_are_those_of_the_peer(name):
    assert _made(compat, name).param_ranges == _made(_peer(), name).param_ranges


def test_simple_functions_are_their_formulas():
    x, value = _noise(2, 2, 100), torch.tensor([0.3, 0.8])
    tanh = torch.tanh(x * 10 ** (6.0 / 20))
    torch.testing.assert_close(compat.distortion(x, RATE, torch.full((2,), 6.0)), tanh)
    torch.testing.assert_close(compat.stereo_widener(x, RATE, torch.full((2,), 0.5)), x)
    mono = compat.stereo_widener(x, RATE, torch.zeros(2))
    torch.testing.assert_close(mono[:, 0], mono[:, 1])
    tracks = _noise(1, 2, 50)
    panned = compat.stereo_panner(tracks, RATE, value[None])
    theta = value * math.pi / 2
    right = torch.sqrt(value * torch.sin(theta))
    left = torch.sqrt((1 - value) * torch.cos(theta))
    torch.testing.assert_close(panned[0, 0], left[:, None] * tracks[0])
    torch.testing.assert_close(panned[0, 1], right[:, None] * tracks[0])
    bus = compat.stereo_bus(panned, RATE, torch.zeros(1, 2, 1))
    torch.testing.assert_close(bus, panned.sum(2))


def test_hard_left_has_a_gradient():
    pan = torch.tensor([[0.0, 1.0]], requires_grad=True)
    compat.stereo_panner(_noise(1, 2, 50), RATE, pan).square().sum().backward()
    assert pan.grad.isfinite().all()


def test_the_compressor_uses_both_times_and_hears_both_channels():
    def run(x, release_ms):
        values = (-30.0, 4.0, 10.0, release_ms, 6.0, 0.0)
        return compat.compressor(x, RATE, *(torch.tensor([v]) for v in values))

    x = _noise(1, 1, 8000) * (torch.arange(8000) < 3000)
    opposite = torch.cat((x, -x), 1)
    assert not torch.equal(run(x + 1e-3, 10.0), run(x + 1e-3, 90.0))
    torch.testing.assert_close(run(opposite, 50.0)[:, :1], run(x, 50.0))
    # From 10 % to 90 % of a step is ln 9 time constants.
    wanted = F.compressor(
        x, RATE, threshold_db=-30.0, ratio=4.0, attack_ms=10 / math.log(9), knee_db=6.0,
        release_ms=50 / math.log(9),
    )  # fmt: skip
    torch.testing.assert_close(run(x, 50.0), wanted)


def test_the_reverb_decays_as_it_said_and_is_as_loud():
    """An envelope exp(-(10 d + 1) n / N) under noise of one octave, a twelfth of it."""
    samples, decay = 32_768, 0.3
    values = {f"band{i}_gain": torch.zeros(1) for i in range(12)}
    values |= {f"band{i}_decay": torch.full((1,), decay) for i in range(12)}
    values["band7_gain"] = torch.tensor([0.6])  # 2 kHz
    x = torch.zeros(1, 2, samples)
    x[..., 0] = 1.0
    y = compat.noise_shaped_reverberation(x, RATE, **values, mix=torch.ones(1), num_samples=samples)
    rate = 10 * decay + 1
    share = 2000 * (2**0.5 - 0.5**0.5) / (RATE / 2)  # of white noise in that octave
    envelope = torch.exp(-2 * rate * torch.arange(samples) / samples)
    wanted = share * (0.6 / 12) ** 2 * envelope.sum()
    assert y[0, 0].square().sum().item() == pytest.approx(wanted.item(), rel=0.15)
    early, late = y[0, :, : samples // 4].square().sum(), y[0, :, -samples // 4 :].square().sum()
    assert (early / late).log().item() == pytest.approx(2 * rate * 0.75, rel=0.05)
    again = compat.noise_shaped_reverberation(
        x[:, :1], RATE, *values.values(), torch.ones(1), num_samples=samples
    )
    torch.testing.assert_close(again, y)
    with pytest.raises(TypeError, match="mix"):
        compat.noise_shaped_reverberation(x, RATE, *values.values())


def test_what_both_compute_is_the_same():
    peer, x = _peer(), _noise(2, 2, 16_384)
    controls = torch.rand(2, 18, generator=torch.Generator().manual_seed(2))
    mine, theirs = (_made(module, "ParametricEQ").process_normalized(x, controls)
                    for module in (compat, peer))  # fmt: skip
    # Their tail wraps round: what has died away by the end is alike.
    error = (mine - theirs)[..., 4000:].abs().max() / mine.abs().max()
    assert error < 1e-3
    value = torch.tensor([-3.0, 5.0])
    torch.testing.assert_close(compat.gain(x, RATE, value), peer.gain(x, RATE, value))
    pan = torch.tensor([[0.2, 0.9], [0.5, 0.4]])
    torch.testing.assert_close(compat.stereo_panner(x, RATE, pan), peer.stereo_panner(x, RATE, pan))
    drive = torch.tensor([6.0])
    mono = x[:1, :1]
    torch.testing.assert_close(
        compat.distortion(mono, RATE, drive), peer.distortion(mono, RATE, drive)
    )
    width = torch.tensor([0.7])
    torch.testing.assert_close(
        compat.stereo_widener(x[:1], RATE, width), peer.stereo_widener(x[:1].clone(), RATE, width)
    )
