import torch

from dasp.processors.catalogue import COMPRESSOR, GAIN, PARAMETRIC_EQ
from dasp.processors.module import ProcessorModule


def test_it_begins_at_the_defaults():
    module = ProcessorModule(COMPRESSOR, 44_100)
    for key, value in module.settings().items():
        reference = torch.tensor(COMPRESSOR.defaults()[key])
        torch.testing.assert_close(value, reference, rtol=0.01, atol=0.01)


def test_training_finds_a_gain():
    """One knob, started far off, ends within 2 % of the truth."""
    x = torch.randn(1, 1, 2000)
    target = GAIN(x, 44_100, gain_db=-12.0)
    module = ProcessorModule(GAIN, 44_100)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        (module(x) - target).square().mean().backward()
        optimiser.step()
    assert abs(module.settings()["gain_db"].item() + 12) < 0.02 * 12


def test_controls_of_a_batch():
    module = ProcessorModule(PARAMETRIC_EQ, 44_100)
    x, controls = torch.randn(3, 2, 500), torch.rand(3, PARAMETRIC_EQ.n_controls)
    expected = PARAMETRIC_EQ(x, 44_100, **PARAMETRIC_EQ.to_physical(controls))
    assert torch.equal(module(x, controls), expected)


def test_one_set_of_parameters_for_each_item():
    module = ProcessorModule(GAIN, 44_100, batch=(3,))
    assert module.logits.shape == (3, 1)
    module(torch.randn(3, 1, 10)).sum().backward()
    assert (module.logits.grad != 0).all()


def test_inputs_reach_the_processor():
    module = ProcessorModule(COMPRESSOR, 44_100)
    x, loud = torch.full((1, 500), 1e-3), torch.ones(1, 500)
    assert module(x, sidechain=loud)[0, -1] < 0.5 * module(x)[0, -1]


def test_state_is_saved_and_loaded():
    module, other = ProcessorModule(COMPRESSOR, 44_100), ProcessorModule(COMPRESSOR, 44_100)
    torch.nn.init.normal_(module.logits)
    other.load_state_dict(module.state_dict())
    x = torch.randn(1, 100)
    assert torch.equal(module(x), other(x))
