"""What may stand for a number: Python's, NumPy's, tensors of one, with or without a batch."""

import numpy as np
import pytest
import torch

import dasp.functional as F
from dasp.grad import finite_difference, spsa
from dasp.mixing.console import Console, Settings
from dasp.processors import CATALOGUE, Param, ProcessorModule, chain, dry_wet
from dasp.processors.catalogue import COMPRESSOR, GAIN, LIMITER, PARAMETRIC_EQ
from dasp.streaming import Stream
from tests.contracts.cases import CASES, audio, draw, every_processor, run

KINDS = {
    "an array": lambda v: v.numpy(),
    "an array of float32": lambda v: v.numpy().astype(np.float32),
    "an array with a batch of one": lambda v: v.numpy()[None],
    "a tensor with a batch of one": lambda v: v[None],
    "a number or a list": lambda v: v.tolist(),
    "a number of NumPy": lambda v: np.float64(v.item()) if v.ndim == 0 else [*v.numpy()],
}


@every_processor
@pytest.mark.parametrize("kind", list(KINDS))
def test_any_kind_of_number_is_that_number(name, kind):
    x, settings = audio(name), draw(name)
    if CASES[name].tracks:
        settings = {key: value[0] for key, value in settings.items()}
    expected = run(name, x, settings)
    as_kind = {key: KINDS[kind](value) for key, value in settings.items()}
    torch.testing.assert_close(run(name, x, as_kind), expected, rtol=1e-4, atol=1e-5)


@every_processor
@pytest.mark.parametrize("rate", [np.int64, np.float32, torch.tensor, lambda r: np.array([r])])
def test_any_kind_of_rate_is_that_rate(name, rate):
    x, settings, case = audio(name), draw(name), CASES[name]
    y = run(name, x, settings, rate(case.sample_rate))
    torch.testing.assert_close(y, run(name, x, settings))
    assert CATALOGUE[name].latency(rate(8000)) == CATALOGUE[name].latency(8000)


@pytest.mark.parametrize("kind", [np.array, torch.tensor, np.float64, lambda v: torch.tensor([v])])
def test_options_that_are_numbers(kind):
    x = 4 * torch.randn(2, 100)
    y = F.limiter(x, 8000, ceiling_db=-1.0, release_ms=50.0, lookahead_ms=kind(2.0))
    assert torch.equal(y, F.limiter(x, 8000, ceiling_db=-1.0, release_ms=50.0, lookahead_ms=2.0))
    y = F.low_pass(x, 8000, freq_hz=100.0, order=np.int64(4))
    assert torch.equal(y, F.low_pass(x, 8000, freq_hz=100.0, order=4))


def test_inputs_that_are_arrays():
    x, taps = torch.randn(2, 100), np.array([0.5, 0.25])
    assert torch.equal(F.fir(x, 8000, taps=taps), F.fir(x, 8000, taps=torch.tensor([0.5, 0.25])))


def test_a_gradient_reaches_a_parameter_with_a_batch_of_one():
    x = torch.randn(2, 100)
    for processor in (GAIN, chain(GAIN), spsa(GAIN), finite_difference(GAIN)):
        (name,) = (param.name for param in processor.params)
        gain_db = torch.zeros(1, requires_grad=True)
        processor(x, 8000, **{name: gain_db}).square().sum().backward()
        assert gain_db.grad.shape == (1,) and gain_db.grad != 0


def test_what_lies_around_a_processor_takes_them_too():
    x, rate = torch.randn(2, 300), np.float64(8000)
    expected = LIMITER(x, 8000, ceiling_db=-6.0)
    stream = Stream(LIMITER, torch.tensor(8000), ceiling_db=np.array([-6.0]))
    streamed = torch.cat([*stream.aligned(x.split(100, -1))], -1)
    torch.testing.assert_close(streamed, expected)
    wet = dry_wet(LIMITER)(x, rate, mix=torch.ones(1), **{"wet.ceiling_db": np.float32(-6)})
    torch.testing.assert_close(wet, expected)
    module = ProcessorModule(LIMITER, rate, settings={"ceiling_db": np.array(-6.0)})
    torch.testing.assert_close(module.settings()["ceiling_db"], torch.tensor(-6.0))
    desk, tracks = Console(strip=(GAIN,), buses={}, master=()), torch.randn(2, 1, 100)
    mixes = [
        desk(tracks, rate, Settings(tracks={"gain.gain_db": gain_db}))
        for gain_db in ([-6.0, 3.0], np.array([-6.0, 3.0]), torch.tensor([-6.0, 3.0]))
    ]
    for mix in mixes:
        torch.testing.assert_close(mix, mixes[-1])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_controls_of_half_types_become_values_in_single_precision(dtype):
    """The step of bfloat16 at 16 kHz is 128 Hz; that of a control is a 256th of the range."""
    controls = torch.rand(3, PARAMETRIC_EQ.n_controls).to(dtype)
    settings = PARAMETRIC_EQ.to_physical(controls)
    expected = PARAMETRIC_EQ.to_physical(controls.float())
    for key, value in settings.items():
        assert value.dtype is torch.float32
        assert torch.equal(value, expected[key])
    assert PARAMETRIC_EQ.to_controls(settings).dtype is torch.float32
    param = Param("freq_hz", 20.0, 20_000.0, default=1000.0, scale="log")
    assert param.to_control(torch.tensor(1000.0, dtype=dtype)).dtype is torch.float32


@pytest.mark.parametrize("name", ["compressor", "parametric_eq", "gain", "distortion"])
def test_a_network_under_autocast_drives_a_processor(name):
    processor = CATALOGUE[name]
    network = torch.nn.Linear(4, processor.n_controls)
    x, told = torch.randn(2, 2, 200), torch.randn(2, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        controls = network(told).sigmoid()
        y = processor(x, 48_000, **processor.to_physical(controls))
    assert controls.dtype is torch.bfloat16
    assert y.dtype is torch.float32
    expected = processor(x, 48_000, **processor.to_physical(controls.float()))
    torch.testing.assert_close(y, expected)


def test_values_of_numpy_in_maps_and_checks():
    controls = COMPRESSOR.to_controls({"ratio": np.array([2.0, 4.0]), "knee_db": np.float32(3)})
    expected = COMPRESSOR.to_controls({"ratio": torch.tensor([2.0, 4.0]), "knee_db": 3.0})
    torch.testing.assert_close(controls, expected, check_dtype=False)
    PARAMETRIC_EQ.check_settings({"peak_freq_hz": np.array([200.0, 600.0, 2000.0, 6000.0])})
    with pytest.raises(ValueError, match="ratio: expected at least 1 and at most 20, got 2 to 30"):
        COMPRESSOR.check_settings({"ratio": np.array([2.0, 30.0])})
    with pytest.raises(ValueError, match=r"gain_db: expected a number, got .*loud"):
        GAIN(torch.zeros(1, 9), 8000, gain_db=np.array("loud"))
    with pytest.raises(ValueError, match=r"gain_db: expected .* a tensor of shape \(\) or, moving"):
        GAIN(torch.zeros(1, 9), 8000, gain_db=np.zeros(2))


def test_a_console_under_autocast_adds_in_single_precision():
    tracks = torch.randn(3, 1, 400)
    desk = Console(strip=(GAIN,), buses={"echo": (GAIN,)}, master=())
    settings = Settings(tracks={"send.echo_db": torch.tensor([0.0, -3.0, -6.0])})
    expected = desk(tracks, 8000, settings)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mix = desk(tracks, 8000, settings)
    torch.testing.assert_close(mix, expected)
