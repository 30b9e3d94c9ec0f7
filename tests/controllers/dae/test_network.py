"""The auto-encoder: the sizes of the poster, and layers that are trained one at a time."""

import pytest
import torch

from dasp.controllers.dae.network import (
    FURTHEST_DB,
    POSTER,
    AutoEncoder,
    Networks,
    ShallowAutoEncoders,
    Size,
)
from dasp.controllers.dae.system import GROUPS, WEIGHTS, shipped

TINY = Size(fft_size=16, hidden=6, form="spectrum")


def weights_of(module):
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def test_the_poster_has_1025_3_x_1024_1025():
    network = AutoEncoder(POSTER)
    layers = [*network.hidden, network.output]
    assert [layer.in_features for layer in layers] == [1025, 1024, 1024, 1024]
    assert layers[-1].out_features == 1025
    assert POSTER.dropout == network.dropout.p == 0.2
    # 1025 x 1024 weights twice, 1024 x 1024 twice, and a bias for each neuron.
    assert sum(weight.numel() for weight in network.parameters()) == 4_200_449


def test_what_is_shipped_is_smaller_and_turns_bins_up_and_down():
    networks = shipped()
    assert networks.size == Size() and networks.groups == tuple(GROUPS)
    assert [layer.in_features for layer in networks.each[0].hidden] == [257, 128, 128]
    assert sum(weight.numel() for weight in networks.parameters()) == 4 * 99_201
    assert WEIGHTS.stat().st_size < 900_000


def test_it_is_relu_in_every_layer_by_hand():
    torch.manual_seed(0)
    network = AutoEncoder(TINY).eval()
    x = torch.rand(5, 9)
    y = x
    for layer in [*network.hidden, network.output]:
        y = torch.clamp(y @ layer.weight.T + layer.bias, min=0)
    torch.testing.assert_close(network(x), y)


def test_a_bin_that_begins_below_0_still_learns():
    """With a rectified output it would have no gradient, and stay silent for ever."""
    network = AutoEncoder(TINY).train()
    torch.nn.init.constant_(network.output.bias, -10.0)
    (network(torch.rand(5, 9)) - 1).abs().mean().backward()
    assert (network.output.bias.grad < 0).all()
    assert (network.eval()(torch.rand(5, 9)) == 0).all()


def test_dropout_silences_a_fifth_of_the_neurons_in_training_alone():
    network = AutoEncoder(Size(fft_size=16, hidden=20_000, layers=1))
    torch.nn.init.constant_(network.hidden[0].bias, 10.0)
    x = torch.rand(1, 9)
    assert (network.train().codes(x, 1) == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert (network.eval().codes(x, 1) > 0).all()


def test_gains_begin_at_0_db_and_are_held_within_their_range():
    network = AutoEncoder(Size(fft_size=16, hidden=6)).eval()
    x = torch.rand(5, 9)
    torch.testing.assert_close(network(x), x)
    torch.nn.init.constant_(network.output.bias, 100.0)
    torch.testing.assert_close(network(x), x * 10 ** (FURTHEST_DB / 20))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_one_layer_at_a_time_reconstructs_what_lies_under_it(depth):
    networks = Networks(("bass", "keys"), TINY)
    shallow = ShallowAutoEncoders(networks, depth)
    x = {group: torch.rand(4, 9) for group in networks.groups}
    shallow.eval()
    for group, (decoded, heard) in shallow(x).items():
        assert decoded.shape == heard.shape == (4, 9 if depth == 1 else 6)
        torch.testing.assert_close(heard, networks.of(group).codes(x[group], depth - 1))
    learns = {name for name, w in networks.named_parameters() if w.requires_grad}
    assert learns == {
        f"each.{i}.hidden.{depth - 1}.{what}" for i in (0, 1) for what in ("weight", "bias")
    }


@pytest.mark.parametrize(
    "wrong", [{"fft_size": 15}, {"hidden": 0}, {"layers": 0}, {"dropout": 1.0}, {"form": "mask"}]
)
def test_sizes_that_have_no_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Size(**wrong)
