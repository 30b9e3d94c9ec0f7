"""No gradient is 0 where a small step of a parameter changes the output.

At the defaults, and with each parameter at an end of its range, where the step goes inwards. A
change that grows with the square of the step alone has no slope, and none is asked for.
"""

import pytest
import torch
from torch import Tensor

from dasp.mixing.console import Console, Controls, Settings
from dasp.mixing.routing import send_gain, send_param
from dasp.processors import Param
from dasp.processors.catalogue import CATALOGUE, DELAY, GAIN, STEREO_PANNER, STEREO_WIDENER
from tests.contracts.cases import CASES, audio, every_processor, expected_shape, run

STEP = 1e-5
LEAST = 1e-7
"""A slope below this could be rounding."""

SMALL_DESK = Console(
    strip=(GAIN, STEREO_PANNER), buses={"delay": (DELAY,)}, master=(STEREO_WIDENER, GAIN)
)


@pytest.fixture(autouse=True)
def a_clamp_without_a_slope_at_its_bound(monkeypatch):
    """As torch has it from 2.14 on; what is right with it is right with a slope too."""
    clamp = Tensor.clamp

    def flat(x: Tensor, min=None, max=None) -> Tensor:
        y = clamp(x, min, max)
        if not x.is_floating_point():
            return y
        inside = (y > min if min is not None else True) & (y < max if max is not None else True)
        return y.detach() + torch.where(torch.as_tensor(inside), x - x.detach(), 0)

    monkeypatch.setattr(Tensor, "clamp", flat)


def dead(loss, points: Tensor, *, types=(torch.float64, torch.float32)) -> list[tuple[int, int]]:
    """Which control of which point has no gradient, though a step of it changes the loss.

    `loss` makes `(points,)` of controls `(points, n)` in any type, each point alone.
    """
    silent = torch.zeros_like(points, dtype=torch.bool)
    for dtype in types:
        controls = points.to(dtype).requires_grad_()
        silent |= torch.autograd.grad(loss(controls).sum(), controls)[0] == 0
    found = set()
    with torch.no_grad():
        here = loss(points)
        for i in silent.any(0).nonzero().flatten().tolist():
            for side in (1, -1):
                slopes = []
                for step in (STEP, STEP / 10):
                    moved = points.clone()
                    moved[:, i] += side * step
                    inside = (moved[:, i] >= 0) & (moved[:, i] <= 1)
                    slopes.append((loss(moved.clamp(0, 1)) - here).abs() / step * inside)
                steep, steeper = slopes
                lives = (steeper > LEAST) & (steeper > steep / 2) & silent[:, i]
                found |= {(point, i) for point in lives.nonzero().flatten().tolist()}
    return sorted(found)


def defaults_and_ends(defaults: Tensor) -> Tensor:
    """The defaults `(n,)`, and each number at either end, and all of them: `(3 + 2 n, n)`."""
    n = len(defaults)
    one = torch.eye(n, dtype=torch.bool)
    return torch.cat((
        defaults[None],
        *(torch.where(one, end, defaults) for end in (0.0, 1.0)),
        defaults.new_tensor([[0.0], [1.0]]).expand(2, n),
    ))  # fmt: skip


def default_controls(params: tuple[Param, ...]) -> Tensor:
    values = (torch.tensor(p.default, dtype=torch.float64) for p in params)
    return torch.cat([p.to_control(v).reshape(-1) for p, v in zip(params, values, strict=True)])


@every_processor
@pytest.mark.parametrize("sound", ["noise", "full scale"])
def test_no_gradient_is_dead_at_defaults_and_ends(name, sound):
    processor, tracks = CATALOGUE[name], CASES[name].tracks
    x = audio(name)
    x = x.sign() if sound == "full scale" else x
    weight = torch.randn(expected_shape(name, x), dtype=torch.float64)

    def loss(controls: Tensor) -> Tensor:
        batch = (len(controls), *(1 for _ in tracks))
        settings = processor.to_physical(controls.reshape(*batch, -1))
        y = run(name, x.to(controls).expand(len(controls), *x.shape), settings)
        return (y * weight.to(y)).sum((-2, -1))

    points = defaults_and_ends(default_controls(processor.params))
    names = [p.name for p in processor.params for _ in range(p.size)]
    decides = {p.name for p in processor.params if not p.differentiable}
    found = {(point, names[i]) for point, i in dead(loss, points) if names[i] not in decides}
    assert not found


@pytest.mark.parametrize("law_db", [-3.0, -4.5, -6.0])
def test_a_balance_in_the_centre_moves_as_a_central_difference(law_db):
    """To the left one side fades and to the right the other, so that the slope is their mean."""
    x = torch.randn(2, 100, dtype=torch.float64)
    weight = torch.randn(2, 100, dtype=torch.float64)

    def loss(pan):
        return (STEREO_PANNER(x, 48_000, pan=pan, law_db=law_db) * weight).sum()

    pan = torch.zeros((), dtype=torch.float64, requires_grad=True)
    loss(pan).backward()
    expected = (loss(pan + 1e-5) - loss(pan - 1e-5)) / 2e-5
    torch.testing.assert_close(pan.grad, expected.detach(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", [*CATALOGUE, "console"])
def test_the_slope_of_every_param_is_that_of_its_map(name, dtype):
    """Also at its ends and its default: the range, or the value times the logarithm of it."""
    params = (
        [p for part in Console().params for p in part]
        if name == "console"
        else CATALOGUE[name].params
    )
    for param in params:
        default = param.to_control(torch.tensor(param.default, dtype=dtype))
        for place in (torch.zeros_like(default), torch.ones_like(default), default):
            control = place.clone().requires_grad_()
            value = param.to_physical(control)
            value.sum().backward()
            low, high = (torch.tensor(e, dtype=dtype) for e in (param.low, param.high))
            assert ((low <= value) & (value <= high)).all()
            by_map = high - low if param.scale == "linear" else value * (high / low).log()
            torch.testing.assert_close(control.grad, by_map.expand_as(value).detach())

            back = value.detach().requires_grad_()
            param.to_control(back).sum().backward()
            torch.testing.assert_close(back.grad, 1 / by_map.detach().expand_as(value))


def test_a_send_that_is_off_can_be_turned_up():
    """10^(-60 / 20) in the lowest 6 dB, from 0."""
    param = send_param("reverb")
    control = torch.zeros((), dtype=torch.float64, requires_grad=True)
    gain = send_gain(param.to_physical(control))
    gain.backward()
    assert gain == 0
    torch.testing.assert_close(control.grad.item(), 72 * 1e-3 / 6)


@pytest.mark.parametrize("channels", [1, 2])
def test_no_gradient_of_a_console_is_dead(channels):
    """At its plain settings, all sends off, and at the ends of everything."""
    tracks = torch.randn(2, channels, 400, dtype=torch.float64)
    plain = SMALL_DESK.to_controls(Settings())
    defaults = torch.cat([plain.tracks, plain.tracks, plain.buses, plain.master]).double()
    sizes = [2 * SMALL_DESK.n_controls, SMALL_DESK.n_bus_controls, SMALL_DESK.n_master_controls]
    weight = torch.randn(2, 400, dtype=torch.float64)

    def loss(controls: Tensor) -> Tensor:
        own, buses, master = controls.split(sizes, -1)
        own = own.reshape(len(own), 2, -1)
        settings = SMALL_DESK.to_physical(Controls(tracks=own, buses=buses, master=master))
        x = tracks.to(controls).expand(len(controls), *tracks.shape)
        return (SMALL_DESK(x, 1000, settings) * weight.to(controls)).sum((-2, -1))

    points = defaults_and_ends(defaults)
    points = torch.cat((points, points[:1]))
    points[-1, -1] = 0.4
    assert not dead(loss, points)


@pytest.mark.long
def test_no_gradient_of_the_whole_console_is_dead():
    console = Console()
    tracks = torch.randn(1, 2, 3000, dtype=torch.float64)
    plain = console.to_controls(Settings())
    defaults = torch.cat([plain.tracks, plain.buses, plain.master]).double()
    sizes = [console.n_controls, console.n_bus_controls, console.n_master_controls]
    weight = torch.randn(2, 3000, dtype=torch.float64)

    def loss(controls: Tensor) -> Tensor:
        own, buses, master = controls.split(sizes, -1)
        part = Controls(tracks=own[:, None], buses=buses, master=master)
        x = tracks.to(controls).expand(len(controls), *tracks.shape)
        return (console(x, 44_100, console.to_physical(part)) * weight.to(controls)).sum((-2, -1))

    heard = defaults.clone()
    heard[console.n_controls - 2 : console.n_controls] = 0.8  # the sends
    assert not dead(loss, torch.stack((defaults, heard)))
