import math

import pytest
import torch
from torch import nn

from dasp.grad import external, spsa
from dasp.processors import Param, chain
from dasp.processors.catalogue import DISTORTION, GAIN, STEREO_BUS, STEREO_WIDENER

RATE = 8000
CURVE = chain(GAIN, STEREO_WIDENER)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gradients(processor, x, values, **settings):
    values = {name: value.detach().clone().requires_grad_() for name, value in values.items()}
    processor(x, RATE, **values, **settings).square().sum().backward()
    return {name: value.grad for name, value in values.items()}


@pytest.mark.parametrize("processor", [CURVE, chain(GAIN, DISTORTION)], ids=["linear", "curved"])
def test_the_mean_over_many_draws_is_the_automatic_gradient(processor):
    """4,096 items with signs of their own, each parameter within four standard errors."""
    x = 0.5 * torch.randn(2, 16, dtype=torch.float64)
    controls = 0.3 + 0.4 * torch.rand(processor.n_controls, dtype=torch.float64)
    values = processor.to_physical(controls)
    exact = gradients(processor, x, values)
    many = {name: value.expand(4096) for name, value in values.items()}
    drawn = gradients(spsa(processor, generator=seeded()), x.expand(4096, 2, 16), many)
    assert len([g for g in exact.values() if g != 0]) > 1
    for name, samples in drawn.items():
        error = samples.std() / math.sqrt(4096)
        assert (samples.mean() - exact[name]).abs() <= 4 * error, name


def test_audio_gradient_is_the_automatic_one_in_the_mean():
    x = torch.randn(2, 4, dtype=torch.float64)
    settings = {"gain.gain_db": 3.0, "stereo_widener.width": 1.7}
    exact = x.clone().requires_grad_()
    CURVE(exact, RATE, **settings).pow(3).sum().backward()
    many = x.repeat(4096, 1, 1).requires_grad_()
    estimated = spsa(CURVE, generator=seeded(), audio_gradient=True)
    estimated(many, RATE, **settings).pow(3).sum().backward()
    error = many.grad.std(0) / math.sqrt(4096)
    assert ((many.grad.mean(0) - exact.grad).abs() <= 4 * error).all()


def test_a_quadratic_in_closed_form():
    """y = v x has d/dv of sum(y²) = 2 v sum(x²): with one parameter every draw is exact."""
    times = external(lambda x, sample_rate, *, v: v * x, [Param("v", -2.0, 6.0, default=0.0)],
                     name="times")  # fmt: skip
    x = torch.randn(5, 1, 20, dtype=torch.float64)
    v = torch.tensor([-2.0, -1.0, 0.0, 3.0, 6.0], dtype=torch.float64)
    grad = gradients(spsa(times, epsilon=0.01), x, {"v": v})["v"]
    # The chain rule is that of the loss by y at v, so that only the straight line y is estimated.
    torch.testing.assert_close(grad, 2 * v * x.square().sum((1, 2)))


def test_a_logarithmic_parameter_by_what_its_value_moves():
    """y = v x over four decades: a step of the control is a factor of the value."""
    times = external(lambda x, sample_rate, *, v: v * x,
                     [Param("v", 1e-2, 1e2, default=1.0, scale="log")], name="times")  # fmt: skip
    x = torch.randn(3, 1, 20, dtype=torch.float64)
    v = torch.tensor([1e-2, 1.0, 1e2], dtype=torch.float64)
    grad = gradients(spsa(times, epsilon=0.02), x, {"v": v})["v"]
    torch.testing.assert_close(grad, 2 * v * x.square().sum((1, 2)))


def test_draws_are_averaged():
    """Draws that are asked for together scatter as the mean of as many alone."""
    x = torch.randn(2, 16, dtype=torch.float64).expand(2000, 2, 16)
    values = {"gain.gain_db": torch.zeros(2000), "stereo_widener.width": torch.full((2000,), 1.5)}
    values = {name: value.double() for name, value in values.items()}
    spread = {
        draws: gradients(spsa(CURVE, draws=draws, generator=seeded()), x, values)[
            "stereo_widener.width"
        ].std()
        for draws in (1, 9)
    }
    torch.testing.assert_close(spread[1] / spread[9], torch.tensor(3.0).double(), rtol=0.1, atol=0)


def test_many_directions_in_several_calls_are_as_one(monkeypatch):
    x, values = torch.randn(3, 2, 50), {"gain.gain_db": torch.zeros(3),
                                        "stereo_widener.width": torch.full((3,), 1.5)}  # fmt: skip
    together = gradients(spsa(CURVE, draws=7, generator=seeded()), x, values)
    monkeypatch.setattr("dasp.grad._black_box.MOST_SAMPLES", 2 * 300 * 2)
    apart = gradients(spsa(CURVE, draws=7, generator=seeded()), x, values)
    for name, grad in together.items():
        torch.testing.assert_close(apart[name], grad)


def test_a_bus_hears_its_tracks_together():
    """Each item of the output has one sign vector over all its tracks."""
    x = torch.randn(1, 3, 2, 16, dtype=torch.float64)
    values = {"send_db": torch.tensor([[-6.0, 0.0, 3.0]], dtype=torch.float64)}
    exact = gradients(STEREO_BUS, x, values)["send_db"]
    drawn = gradients(
        spsa(STEREO_BUS, generator=seeded()),
        x.expand(4096, 3, 2, 16),
        {"send_db": values["send_db"].expand(4096, 3)},
    )["send_db"]
    assert ((drawn.mean(0) - exact[0]).abs() <= 4 * drawn.std(0) / 64).all()


def test_one_number_for_a_whole_batch_gathers_its_items():
    x = torch.randn(4, 1, 20, dtype=torch.float64)
    for shape in ((), (1,)):
        value = torch.full(shape, 2.0, dtype=torch.float64)
        grad = gradients(spsa(GAIN), x, {"gain_db": value})["gain_db"]
        exact = gradients(GAIN, x, {"gain_db": value})["gain_db"]
        assert grad.shape == shape
        torch.testing.assert_close(grad, exact, rtol=1e-4, atol=0)


def test_only_what_needs_a_gradient_is_heard_again():
    calls = []

    def counted(x, sample_rate, *, a, b):
        calls.append((a, b))
        return a * b * x

    params = [Param("a", 0.0, 2.0, default=1.0), Param("b", 0.0, 2.0, default=1.0)]
    black_box = spsa(external(counted, params), draws=3)
    x, a = torch.ones(1, 4), torch.tensor(0.5, requires_grad=True)
    black_box(x, RATE, a=0.5, b=0.5)
    with torch.no_grad():
        black_box(x, RATE, a=a, b=0.5)
    assert len(calls) == 2
    black_box(x, RATE, a=a, b=0.5).sum().backward()
    assert len(calls) == 2 + 1 + 2 * 3
    assert {b for _, b in calls} == {0.5}


def test_epsilon_may_change_between_gradients():
    steps = iter([0.1, 0.01])
    heard = []

    def noted(x, sample_rate, *, a):
        heard.append(a)
        return a * x

    black_box = spsa(external(noted, [Param("a", 0.0, 1.0, default=0.5)]), epsilon=steps.__next__)
    for step in (0.1, 0.01):
        heard.clear()
        a = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
        black_box(torch.ones(1, 4, dtype=torch.float64), RATE, a=a).sum().backward()
        torch.testing.assert_close(sorted(heard), [0.5 - step, 0.5, 0.5 + step])


def test_half_precision_does_not_round_differences_away():
    x = torch.randn(2, 1, 200).half()
    value = {"gain_db": torch.tensor([1.0, -3.0])}
    grad = gradients(spsa(GAIN), x, value)["gain_db"]
    exact = gradients(GAIN, x.float(), value)["gain_db"]
    torch.testing.assert_close(grad, exact, rtol=2e-3, atol=0)


def test_a_network_trains_through_a_chain():
    """Two layers learn to read, from noise, how to bring its two sides to one loudness."""
    torch.manual_seed(0)
    black_box = spsa(chain(GAIN, STEREO_WIDENER), draws=4, generator=seeded())
    network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    levels = 10 ** (-torch.rand(64, 1, 1))
    x = levels * torch.randn(64, 2, 64)
    losses = []
    for _ in range(150):
        controls = torch.sigmoid(network(x.square().mean(-1).log()))
        y = black_box(x, RATE, **black_box.to_physical(controls))
        power = torch.stack([y.sum(-2), y[:, 0] - y[:, 1]]).square().mean(-1)
        loss = (power + 1e-4).log().square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20


def test_what_it_refuses():
    x, gain_db = torch.zeros(2, 1, 10), torch.zeros(2, requires_grad=True)
    black_box = spsa(GAIN)
    with pytest.raises(ValueError, match=r"gain: x requires a gradient.*audio_gradient=True"):
        black_box(x.clone().requires_grad_(), RATE)
    with pytest.raises(ValueError, match=r"gain_db: expected one number for each item.*\(2, 10\)"):
        black_box(x, RATE, gain_db=torch.zeros(2, 10, requires_grad=True))
    with pytest.raises(ValueError, match="gain_db: expected at least -60 and at most 24, got 30"):
        black_box(x, RATE, gain_db=torch.full((2,), 30.0, requires_grad=True))
    with pytest.raises(ValueError, match="epsilon: expected above 0"):
        spsa(GAIN, epsilon=0.0)(x, RATE, gain_db=gain_db)
    with pytest.raises(ValueError, match="draws: expected at least 1"):
        spsa(GAIN, draws=0)


def test_has_a_first_derivative_and_refuses_the_second():
    x, gain_db = torch.randn(2, 1, 10), torch.zeros(2, requires_grad=True)
    y = spsa(GAIN)(x, RATE, gain_db=gain_db)
    (grad,) = torch.autograd.grad(y.square().sum(), gain_db, create_graph=True)
    (exact,) = torch.autograd.grad(GAIN(x, RATE, gain_db=gain_db).square().sum(), gain_db)
    torch.testing.assert_close(grad, exact, rtol=1e-3, atol=0)
    with pytest.raises(RuntimeError, match=r"spsa\(gain\) has no second derivative"):
        grad.sum().backward()


def test_under_transforms_of_functions():
    """`torch.func.grad` estimates as `backward` does."""
    x, gain_db = torch.randn(2, 1, 10), torch.zeros(2)

    def loss(gain_db, gain):
        return gain(x, RATE, gain_db=gain_db).square().sum()

    estimated, exact = (torch.func.grad(loss)(gain_db, gain) for gain in (spsa(GAIN), GAIN))
    torch.testing.assert_close(estimated, exact, rtol=1e-3, atol=0)
