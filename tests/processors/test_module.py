import copy
import warnings

import pytest
import torch

from dasp.grad import spsa
from dasp.processors import CATALOGUE, ProcessorModule, chain, dry_wet, parallel
from dasp.processors.catalogue import (
    COMPRESSOR,
    CONVOLUTION_REVERB,
    GAIN,
    LIMITER,
    NOISE_GATE,
    PARAMETRIC_EQ,
)
from dasp.processors.module import START_INSIDE

RATE = 44_100


def trained(module, loss, *, steps: int, rate: float):
    optimiser = torch.optim.Adam(module.parameters(), lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    return module.settings()


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_it_begins_at_the_defaults_or_a_hundredth_of_the_range_beside(name):
    processor = CATALOGUE[name]
    for param in processor.params:
        control = param.to_control(ProcessorModule(processor, RATE).settings()[param.name])
        default = param.to_control(torch.tensor(param.default))
        inside = default.clamp(START_INSIDE, 1 - START_INSIDE)
        torch.testing.assert_close(control, inside, rtol=1e-4, atol=1e-5)


def test_training_finds_a_gain():
    """One knob, started far off, ends within 2 % of the truth."""
    x = torch.randn(1, 1, 2000)
    target = GAIN(x, RATE, gain_db=-12.0)
    module = ProcessorModule(GAIN, RATE)
    found = trained(module, lambda: (module(x) - target).square().mean(), steps=300, rate=0.05)
    assert abs(found["gain_db"].item() + 12) < 0.02 * 12


def test_what_begins_at_an_end_can_be_trained():
    """A mix of 1, to a half; from within 1e-4 of the end 200 steps left it at 1.000."""
    x = torch.randn(1, 500)
    target = dry_wet(GAIN)(x, RATE, mix=0.5, **{"wet.gain_db": -60.0})
    module = ProcessorModule(dry_wet(GAIN), RATE, settings={"wet.gain_db": -60.0})
    assert module.settings()["mix"].item() == pytest.approx(0.99)
    found = trained(module, lambda: (module(x) - target).square().mean(), steps=200, rate=0.05)
    assert found["mix"].item() == pytest.approx(0.5, abs=0.05)


def test_it_begins_where_it_is_told():
    settings = {"ratio": 2.0, "knee_db": torch.tensor([3.0, 6.0]), "detector": "rms"}
    module = ProcessorModule(COMPRESSOR, RATE, settings=settings)
    found = module.settings()
    torch.testing.assert_close(found["ratio"], torch.full((2,), 2.0))
    torch.testing.assert_close(found["knee_db"], torch.tensor([3.0, 6.0]))
    torch.testing.assert_close(found["threshold_db"], torch.full((2,), -18.0))
    x = torch.randn(2, 1, 200)
    expected = COMPRESSOR(x, RATE, **{**found, "detector": "rms"})
    assert torch.equal(module(x), expected)
    assert torch.equal(module(x, detector="peak"), COMPRESSOR(x, RATE, **found))


def test_inputs_among_the_settings_are_kept():
    response = torch.randn(1, 40)
    module = ProcessorModule(
        CONVOLUTION_REVERB, RATE, settings={"impulse_response": response, "mix": 0.5}
    )
    x = torch.randn(1, 100)
    assert torch.equal(
        module(x), CONVOLUTION_REVERB(x, RATE, impulse_response=response, **module.settings())
    )
    module.double()
    assert module(x.double()).dtype is torch.float64


def test_what_is_held_stays_and_the_rest_learns():
    """Exactly: also at an end of the range."""
    strip = chain(GAIN, COMPRESSOR)
    module = ProcessorModule(
        strip, RATE, settings={"compressor.ratio": 8.0}, hold=["compressor.mix", "*.ratio"]
    )
    assert module.n_controls == strip.n_controls - 2
    x = torch.randn(1, 1, 300)
    found = trained(module, lambda: module(x).square().mean(), steps=3, rate=0.1)
    assert found["compressor.mix"] == 1
    assert found["compressor.ratio"] == 8
    assert found["gain.gain_db"] < -0.1
    controls = torch.rand(2, module.n_controls)
    given = {p.name: 8.0 for p in strip.params if p.name.endswith("ratio")}
    y = module(x.expand(2, -1, -1), controls)
    free = module.params
    values = {}
    for param in free:
        piece, controls = controls[:, : param.size], controls[:, param.size :]
        values[param.name] = param.to_physical(piece if param.bands else piece[..., 0])
    assert torch.equal(y, strip(x.expand(2, -1, -1), RATE, **{**values, **given}))


def test_all_may_be_held():
    module = ProcessorModule(GAIN, RATE, settings={"gain_db": 6.0}, hold=["*"])
    x = torch.randn(1, 10)
    assert torch.equal(module(x), GAIN(x, RATE, gain_db=6.0))
    other = ProcessorModule(GAIN, RATE, hold=["*"])
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(x), module(x))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"hold": ["gian_db"]}, "hold: gain has no parameter 'gian_db'; did you mean 'gain_db'"),
        ({"hold": "gain_db"}, "hold: expected a list of names, got 'gain_db'"),
        ({"settings": {"gain": 1.0}}, "gain has no parameter 'gain'; did you mean 'gain_db'"),
        ({"settings": {"gain_db": 99.0}}, "gain_db: expected at least -60 and at most 24, got 99"),
        ({"settings": torch.zeros(1)}, "settings: expected values by their names, got a"),
    ],
)
def test_what_cannot_be_is_refused(keywords, message):
    with pytest.raises(ValueError, match=message):
        ProcessorModule(GAIN, RATE, **keywords)


def test_controls_of_a_batch():
    module = ProcessorModule(PARAMETRIC_EQ, RATE)
    x, controls = torch.randn(3, 2, 500), torch.rand(3, PARAMETRIC_EQ.n_controls)
    expected = PARAMETRIC_EQ(x, RATE, **PARAMETRIC_EQ.to_physical(controls))
    assert torch.equal(module(x, controls), expected)


def test_one_set_of_parameters_for_each_item():
    module = ProcessorModule(GAIN, RATE, batch=(3,))
    assert module.logits.shape == (3, 1)
    module(torch.randn(3, 1, 10)).sum().backward()
    assert (module.logits.grad != 0).all()


def test_inputs_reach_the_processor():
    module = ProcessorModule(COMPRESSOR, RATE)
    x, loud = torch.full((1, 500), 1e-3), torch.ones(1, 500)
    assert module(x, sidechain=loud)[0, -1] < 0.5 * module(x)[0, -1]


STRIP = chain(GAIN, PARAMETRIC_EQ, GAIN)


def random(processor, **keywords) -> ProcessorModule:
    module = ProcessorModule(processor, RATE, **keywords)
    torch.nn.init.normal_(module.logits)
    return module


@pytest.mark.parametrize("keywords", [{}, {"batch": (2,)}, {"hold": ["gain.*", "*peak_q"]}])
def test_state_is_saved_under_names_and_loaded(keywords):
    module, other = random(STRIP, **keywords), ProcessorModule(STRIP, RATE, **keywords)
    state = module.state_dict()
    names = {key.split(".", 1)[1] for key in state if key != "processor"}
    assert names == {param.name for param in STRIP.params}
    assert all(isinstance(value, torch.Tensor) for value in state.values())  # for safetensors
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other.load_state_dict(state)
    x = torch.randn(2, 2, 100)
    assert torch.equal(module(x), other(x))


def test_state_inside_of_a_model():
    model = torch.nn.ModuleDict({"strip": random(STRIP), "head": torch.nn.Linear(2, 2)})
    other = copy.deepcopy(model)
    torch.nn.init.zeros_(other["strip"].logits)
    assert "strip.logits.gain_2.gain_db" in model.state_dict()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other["strip"].logits, model["strip"].logits)


def test_state_may_be_held_where_it_was_free_and_free_where_it_was_held():
    free, held = random(STRIP), random(STRIP, hold=["gain.gain_db"])
    held.load_state_dict(free.state_dict())
    again = ProcessorModule(STRIP, RATE)
    again.load_state_dict(held.state_dict())
    for key, value in free.settings().items():
        torch.testing.assert_close(held.settings()[key], value)
        torch.testing.assert_close(again.settings()[key], value)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (chain(GAIN, LIMITER), r"expected the state of chain\(gain, .*got that of .*limiter"),
        (chain(PARAMETRIC_EQ, GAIN, GAIN), r"got that of chain\(parametric_eq, gain, gain\)"),
        (parallel(GAIN, PARAMETRIC_EQ, GAIN), r"got that of parallel\(gain"),
        (COMPRESSOR, "got that of compressor"),
    ],
)
def test_the_state_of_another_chain_is_refused(saved, message):
    with pytest.raises(RuntimeError, match=message):
        ProcessorModule(STRIP, RATE).load_state_dict(random(saved).state_dict())


def test_a_state_without_a_parameter_is_refused_by_its_name():
    state = random(STRIP).state_dict()
    state["logits.gain.volume"] = state.pop("logits.gain.gain_db")
    with pytest.raises(RuntimeError, match=r"it lacks gain.gain_db; it has gain.volume"):
        ProcessorModule(STRIP, RATE).load_state_dict(state)
    with pytest.raises(RuntimeError, match="Missing key"):
        ProcessorModule(STRIP, RATE).load_state_dict({})


def test_logits_without_names_of_earlier_states_still_load():
    module, other = random(STRIP), ProcessorModule(STRIP, RATE)
    with pytest.warns(UserWarning, match=r"no names, taken for those of chain\(gain"):
        other.load_state_dict({"logits": module.logits.detach()})
    assert torch.equal(other.logits, module.logits)
    with pytest.raises(RuntimeError, match=r"expected 20 logits, those of chain\(.*got \(3,\)"):
        other.load_state_dict({"logits": torch.zeros(3)})


def test_what_only_decides_has_no_logit_that_would_never_move():
    """Open or closed is a decision: the threshold of a gate is held exactly where it is set."""
    module = ProcessorModule(NOISE_GATE, RATE, settings={"threshold_db": -33.3})
    assert {param.name for param in module.params} == {"attack_ms", "release_ms", "range_db"}
    assert module.settings()["threshold_db"].item() == pytest.approx(-33.3)
    x = 0.03 * torch.randn(1, 3000)
    x[..., 500:] *= 0.01  # for longer than the gate is held open
    module(x).square().sum().backward()
    assert (module.logits.grad != 0).all()
    assert module.n_controls == module.logits.shape[-1] == 3


def test_an_estimated_gradient_reaches_what_decides():
    module = ProcessorModule(spsa(NOISE_GATE), RATE)
    assert module.n_controls == NOISE_GATE.n_controls


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("names", [True, False])
def test_a_state_with_logits_for_what_decides_still_loads(batch, names):
    logits = 0.5 * torch.randn(*batch, 6)
    state = {"logits": logits}
    if names:
        state = {
            f"logits.{param.name}": logits[..., i] for i, param in enumerate(NOISE_GATE.params)
        }
    module = ProcessorModule(NOISE_GATE, RATE, batch=batch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module.load_state_dict(state)
    for name, value in NOISE_GATE.to_physical(logits.sigmoid()).items():
        torch.testing.assert_close(module.settings()[name], value)
