import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import dasp.grad
from dasp.grad import external_plugin, finite_difference, spsa
from dasp.grad.external_plugin import _load
from dasp.processors.catalogue import GAIN

RATE = 44_100


class Plate:
    """Stands for a plug-in from a file: what it reports of its parameters, and a gain."""

    def __init__(self):
        self.parameters = {
            "level": SimpleNamespace(type=float, min_value=0.0, max_value=2.0, units=None),
            "cutoff": SimpleNamespace(type=float, min_value=20.0, max_value=2e4, units="Hz"),
            "size": SimpleNamespace(type=float, min_value=0.1, max_value=100.0, units=None),
            "bypass": SimpleNamespace(type=bool, min_value=False, max_value=True, units=None),
        }
        self.level, self.cutoff, self.size, self.bypass = 1.0, 1000.0, 30.0, False

    def process(self, x, sample_rate, reset):
        assert x.dtype == np.float32 and reset
        return self.level * x


@pytest.fixture
def plate(monkeypatch):
    _load.cache_clear()
    monkeypatch.setitem(
        sys.modules, "pedalboard", SimpleNamespace(load_plugin=lambda path: Plate())
    )
    yield external_plugin("effects/plate.vst3")
    _load.cache_clear()


def test_the_parameters_of_a_file_are_what_it_reports(plate):
    found = {p.name: (p.low, p.high, p.default, p.scale) for p in plate.params}
    assert plate.name == "plate"
    assert found == {
        "level": (0.0, 2.0, 1.0, "linear"),
        "cutoff": (20.0, 2e4, 1000.0, "log"),
        "size": (0.1, 100.0, 30.0, "log"),
    }


def test_a_file_is_trained_as_any_other(plate):
    level = torch.tensor([0.5, 1.0], dtype=torch.float64, requires_grad=True)
    x = torch.randn(2, 2, 8, dtype=torch.float64)
    finite_difference(plate, epsilon=0.01)(x, RATE, level=level).square().sum().backward()
    torch.testing.assert_close(
        level.grad, 2 * level.detach() * x.square().sum((1, 2)), rtol=1e-5, atol=0
    )


def test_without_pedalboard_the_error_says_what_to_install(monkeypatch):
    _load.cache_clear()
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    with pytest.raises(ImportError, match=r"pip install dasp-audio\[plugin\]"):
        external_plugin("effects/plate.vst3")


def test_no_other_file_imports_pedalboard():
    package = Path(dasp.grad.__file__).parents[1]
    found = [p.name for p in package.rglob("*.py") if "import pedalboard" in p.read_text()]
    assert found == ["external_plugin.py"]


def test_a_gain_of_pedalboard_is_a_gain():
    pedalboard = pytest.importorskip("pedalboard")
    gain = external_plugin(pedalboard.Gain)
    x = torch.randn(3, 2, 500)
    values = torch.tensor([-12.0, 0.0, 6.0], requires_grad=True)
    torch.testing.assert_close(gain(x, RATE, gain_db=values), GAIN(x, RATE, gain_db=values))
    found = []
    for way in (GAIN, spsa(gain)):
        grad = torch.autograd.grad(way(x, RATE, gain_db=values).square().sum(), values)[0]
        found.append(grad)
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=0)


def test_a_plug_in_has_no_past():
    pedalboard = pytest.importorskip("pedalboard")
    reverb = external_plugin(pedalboard.Reverb)
    x = torch.randn(1, 2, 2000)
    first = reverb(x, RATE, room_size=0.9)
    assert torch.equal(reverb(x, RATE, room_size=0.9), first)
    assert torch.equal(reverb(x.repeat(3, 1, 1), RATE, room_size=0.9)[2], first[0])
