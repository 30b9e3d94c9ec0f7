import torch

from dasp.grad import TCN


def trained(**architecture) -> TCN:
    """A network that does something: every weight is drawn."""
    network = TCN(3, 8000, **{"width": 4, "blocks": 3, "kernel": 3, "dilation": 4, **architecture})
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return network.double()


def test_hears_as_far_back_as_it_says_and_nothing_to_come():
    network = trained()
    assert network.receptive_field == 1 + 2 * (1 + 4 + 16)
    x = torch.randn(1, 200, dtype=torch.float64, requires_grad=True)
    controls = torch.rand(3, dtype=torch.float64)
    (heard,) = torch.autograd.grad(network(x, controls)[0, 150], x)
    reached = heard[0].nonzero().flatten()
    assert reached.max() == 150
    assert reached.min() == 150 - network.receptive_field + 1


def test_items_and_channels_are_heard_on_their_own():
    network = trained()
    x = torch.randn(2, 3, 2, 40, dtype=torch.float64)
    controls = torch.rand(2, 3, 3, dtype=torch.float64)
    y = network(x, controls)
    for i in range(2):
        for j in range(3):
            for channel in range(2):
                alone = network(x[i, j, channel][None], controls[i, j])
                torch.testing.assert_close(y[i, j, channel][None], alone)


def test_every_control_is_heard():
    controls = torch.rand(3, dtype=torch.float64, requires_grad=True)
    trained()(torch.randn(1, 40, dtype=torch.float64), controls).square().sum().backward()
    assert (controls.grad != 0).all()


def test_an_untrained_network_changes_nothing():
    x = torch.randn(2, 1, 50)
    torch.testing.assert_close(TCN(3, 8000, width=4)(x, torch.rand(2, 3)), x)


def test_learns_a_gain_that_a_control_sets():
    """Within a hundred steps, to 1 % of the amplitude."""
    torch.manual_seed(0)
    network = TCN(1, 8000, width=4, blocks=2, kernel=3)
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(150):
        x, control = torch.randn(32, 1, 64), torch.rand(32, 1)
        error = network(x, control) - x * torch.exp(control[..., None] - 0.5)
        loss = error.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.sqrt() < 0.05
