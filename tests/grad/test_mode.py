from dataclasses import replace

import pytest
import torch

from dasp.functional._run import Run
from dasp.grad import GRADIENTS, TCN, proxy, spsa, with_gradient
from dasp.processors.catalogue import GAIN

RATE = 8000


def gradient(processor) -> torch.Tensor:
    torch.manual_seed(1)
    gain_db = torch.tensor([-3.0, 2.0], requires_grad=True)
    processor(torch.randn(2, 1, 40), RATE, gain_db=gain_db).square().sum().backward()
    return gain_db.grad


def test_each_word_is_its_transform():
    network = TCN(1, RATE, width=4)
    torch.nn.init.normal_(network.gain.weight)
    by_hand = {
        "autodiff": GAIN,
        "spsa": spsa(GAIN),
        "finite_difference": GAIN,
        "proxy": proxy(GAIN, network),
        "half_hybrid": proxy(GAIN, network, "half_hybrid"),
        "full_hybrid": proxy(GAIN, network, "full_hybrid"),
    }
    assert by_hand.keys() == set(GRADIENTS)
    for word, processor in by_hand.items():
        switched = with_gradient(GAIN, word, network=network)
        torch.testing.assert_close(gradient(switched), gradient(processor), rtol=1e-3, atol=0)
    assert with_gradient(GAIN, "autodiff") is GAIN


def test_what_is_missing_or_misspelt_is_named():
    with pytest.raises(ValueError, match=r"gradient: expected one of .*; did you mean 'spsa'"):
        with_gradient(GAIN, "spas")
    with pytest.raises(ValueError, match="network: half_hybrid needs the trained proxy of gain"):
        with_gradient(GAIN, "half_hybrid")


@pytest.mark.long
def test_a_compiler_calls_an_estimate_and_does_not_look_into_it():
    looked = []
    told = replace(GAIN, run=Run(lambda x, sample_rate, *, gain_db=0.0: _noted(looked, x, gain_db)))
    processor = spsa(told)
    x, gain_db = torch.randn(2, 1, 40), torch.tensor([-3.0, 2.0], requires_grad=True)

    def loss(x, gain_db):
        return processor(torch.sin(x), RATE, gain_db=gain_db).square().sum()

    (wanted,) = torch.autograd.grad(loss(x, gain_db), gain_db)
    (found,) = torch.autograd.grad(torch.compile(loss, backend="eager")(x, gain_db), gain_db)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=0)
    assert not any(looked)


def _noted(looked, x, gain_db):
    looked.append(torch.compiler.is_compiling())
    return GAIN(x, RATE, gain_db=gain_db)
