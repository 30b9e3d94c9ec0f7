import importlib
import json
from dataclasses import replace

import pytest
import torch

from dasp.grad import TCN, load_proxy, proxy, save_proxy
from dasp.processors import chain
from dasp.processors.catalogue import COMPRESSOR, DISTORTION, EXPANDER, GAIN

RATE = 8000
module = importlib.import_module("dasp.grad.proxy")


@pytest.fixture
def network() -> TCN:
    network = TCN(1, RATE, width=4, blocks=2, kernel=3)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return network


@pytest.mark.parametrize(
    "mode, in_training, in_use",
    [
        ("full", "network", "network"),
        ("half_hybrid", "network", "processor"),
        ("full_hybrid", "processor", "processor"),
    ],
)
def test_who_is_heard(network, mode, in_training, in_use):
    x, gain_db = torch.randn(2, 1, 30), torch.tensor([-12.0, 6.0])
    controls = GAIN.to_controls({"gain_db": gain_db})
    heard = {"network": network(x, controls).detach(), "processor": GAIN(x, RATE, gain_db=gain_db)}
    effect = proxy(GAIN, network, mode)
    training = effect(x, RATE, gain_db=gain_db.clone().requires_grad_())
    assert torch.equal(training, heard[in_training])
    assert torch.equal(effect(x, RATE, gain_db=gain_db), heard[in_use])
    with torch.no_grad():
        use = effect(x, RATE, gain_db=gain_db.clone().requires_grad_())
    assert torch.equal(use, heard[in_use])


@pytest.mark.parametrize("mode", ["full", "half_hybrid", "full_hybrid"])
def test_the_gradient_is_the_networks_at_the_output_that_is_heard(network, mode):
    """With a linear loss the upstream gradient is one for all; the map to controls is in it."""
    x = torch.randn(2, 1, 30, requires_grad=True)
    gain_db = torch.tensor([-12.0, 6.0], requires_grad=True)
    weight = torch.randn(2, 1, 30)
    controls = (gain_db + 60) / 84
    expected = torch.autograd.grad((network(x, controls[:, None]) * weight).sum(), (x, gain_db))
    y = proxy(GAIN, network, mode)(x, RATE, gain_db=gain_db)
    found = torch.autograd.grad((y * weight).sum(), (x, gain_db))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_other_types_go_through_the_networks(network):
    for dtype in (torch.float16, torch.float64):
        x = torch.randn(2, 1, 30, dtype=dtype)
        y = proxy(GAIN, network)(x, RATE, gain_db=-3.0)
        assert y.dtype is dtype
        expected = network(
            x.float(), GAIN.to_controls({"gain_db": torch.tensor(-3.0)}).expand(2, 1)
        )
        torch.testing.assert_close(y, expected.to(dtype))


def test_what_the_network_has_not_learnt_is_refused():
    network = TCN(COMPRESSOR.n_controls, RATE, width=4)
    effect, x = proxy(COMPRESSOR, network), torch.zeros(1, 1, 20)
    with pytest.raises(ValueError, match="was trained at 8000 Hz, got 44100"):
        effect(x, 44_100)
    with pytest.raises(ValueError, match=r"detector: the proxy of compressor was trained .*'peak'"):
        effect(x, RATE, detector="rms")
    with pytest.raises(ValueError, match="sidechain: the proxy of compressor was trained without"):
        effect(x, RATE, sidechain=x)
    with pytest.raises(ValueError, match="threshold_db: expected one number for each item"):
        effect(x, RATE, threshold_db=torch.zeros(1, 20))
    with pytest.raises(ValueError, match="network: expected one of 1 controls, those of gain"):
        proxy(GAIN, network)
    with pytest.raises(ValueError, match="mode: expected one of 'full', 'half_hybrid'"):
        proxy(COMPRESSOR, network, "hybrid")


def test_a_network_comes_back_as_it_was_saved(network, tmp_path):
    path = tmp_path / "gain.safetensors"
    save_proxy(path, network, GAIN)
    loaded = load_proxy(path, GAIN, RATE)
    x, controls = torch.randn(2, 1, 30), torch.rand(2, 1)
    assert torch.equal(loaded(x, controls), network(x, controls))
    assert not any(weight.requires_grad for weight in loaded.parameters())


def test_an_option_that_came_later_stands_at_its_default(tmp_path, monkeypatch):
    """One that has gone, or has another default, is another processor."""
    path = tmp_path / "distortion.safetensors"
    now = module._declaration(DISTORTION)
    first, *rest = json.loads(now["options"])

    def has(*options):
        there = {**now, "options": json.dumps(options)}
        monkeypatch.setattr(module, "_declaration", lambda processor: there)

    has(first)
    save_proxy(path, TCN(DISTORTION.n_controls, RATE), DISTORTION)
    has(first, *rest)
    load_proxy(path, DISTORTION, RATE)
    for options in (rest, [{**first, "default": "another"}, *rest]):
        has(*options)
        with pytest.raises(ValueError, match="another processor: expected options"):
            load_proxy(path, DISTORTION, RATE)


def test_a_network_of_something_else_is_refused(network, tmp_path):
    path = tmp_path / "gain.safetensors"
    save_proxy(path, network, GAIN)
    with pytest.raises(ValueError, match="trained at 8000 Hz, and not at 44100 Hz"):
        load_proxy(path, GAIN, 44_100)
    with pytest.raises(
        ValueError, match="another processor: expected processor expander, got gain"
    ):
        load_proxy(path, EXPANDER, RATE)
    wider = replace(GAIN, params=(replace(GAIN.params[0], high=30.0),))
    with pytest.raises(ValueError, match="another processor: expected params"):
        load_proxy(path, wider, RATE)
    with pytest.raises(ValueError, match="another processor: expected processor chain, got gain"):
        load_proxy(path, chain(GAIN), RATE)
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="expected a proxy in the format dasp-proxy-1"):
        load_proxy(path, GAIN, RATE)
