"""The differentiable mixing console: order, absence, sizes, gradients, and settings that move."""

import pytest
import torch

from dasp.controllers.console.features import BANDS, FRAMES, Heard
from dasp.controllers.console.network import (
    CONSOLES,
    ROLE_NAMES,
    MixingController,
    Size,
    console_with_gradient,
    role_numbers,
)
from dasp.grad import GRADIENTS, TCN
from dasp.mixing.console import Controls

RATE = 44_100
TINY = Size((4, 4), 8, 16, dropout=0.0)


def controller(console: str = "full", seed: int = 0) -> MixingController:
    """A small one whose last layers are not zero, so that it says something."""
    torch.manual_seed(seed)
    model = MixingController(CONSOLES[console], TINY)
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=0.4)
    return model.eval()


def heard(tracks: int, windows: int = 2, seed: int = 0) -> Heard:
    draw = torch.Generator().manual_seed(seed)
    pictures = 2 * torch.rand(tracks, windows, BANDS, FRAMES, generator=draw) - 1
    playing = (torch.rand(tracks, windows, FRAMES, generator=draw) < 0.7).float()
    return Heard(pictures, playing, torch.rand(tracks, 2, generator=draw))


def chosen(which: Heard, index) -> Heard:
    return Heard(*(x[index] for x in which))


def test_tracks_may_come_in_any_order_and_number():
    model, six = controller(), heard(6)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    roles = torch.tensor([0, -1, 3, -1, 5, 2])
    said, again = model(six, roles), model(chosen(six, order), roles[order])
    torch.testing.assert_close(again.tracks, said.tracks[order], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(again.master, said.master, rtol=1e-5, atol=1e-6)
    assert said.tracks.std(0).max() > 0.01, "tracks are told apart"
    assert model(chosen(six, slice(1))).tracks.shape == (1, CONSOLES["full"].n_controls)


@pytest.mark.parametrize("how", ["silent", "masked"])
def test_absent_tracks_change_nothing(how):
    model, six = controller(), heard(6)
    here = torch.tensor([True, False, True, True, False, True])
    if how == "silent":
        playing = torch.where(here[:, None, None], six.playing, 0.0)
        said = model(six._replace(playing=playing))
    else:
        said = model(six, mask=here)
    alone = model(chosen(six, here))
    torch.testing.assert_close(said.tracks[here], alone.tracks, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(said.buses, alone.buses, rtol=1e-5, atol=1e-6)


def test_a_pause_is_not_heard():
    """What stands in frames in which a track does not play has no say, but for the convolutions'
    reach over the edge: a pause of whole pictures."""
    model, two = controller(), heard(2)
    playing = torch.cat((two.playing[:, :1], torch.zeros_like(two.playing[:, 1:])), 1)
    other = torch.cat((two.pictures[:, :1], -two.pictures[:, 1:]), 1)
    said = [model(two._replace(pictures=x, playing=playing)) for x in (two.pictures, other)]
    torch.testing.assert_close(said[0].tracks, said[1].tracks)


def test_roles_by_name_take_the_place_of_roles_by_ear():
    model, two = controller(), heard(2)
    likely = model.role(model.embed(two)).argmax(-1)
    told = [model(two, torch.tensor([number, -1])).tracks for number in (0, 1)]
    assert (told[0] - told[1]).abs().max() > 1e-3
    assert (model(two).tracks - model(two, likely).tracks).abs().max() > 0, "by ear less certain"
    assert role_numbers(["snare", "other"]).tolist() == [ROLE_NAMES.index("snare"), -1]


@pytest.mark.parametrize("size", CONSOLES)
def test_before_training_a_console_is_plain(size):
    """The sum of the tracks, but for what a sigmoid leaves at the ends of ranges."""
    console = CONSOLES[size]
    controls = MixingController(console, TINY).eval()(heard(3))
    tracks = 0.1 * torch.randn(3, 2, RATE, generator=torch.Generator().manual_seed(0))
    mix = console(tracks, RATE, console.to_physical(controls))
    error_db = 10 * torch.log10((mix - tracks.sum(0)).square().mean() / mix.square().mean())
    assert error_db < (-100 if size == "gain_and_pan" else -20)


@pytest.mark.parametrize("size", CONSOLES)
def test_gradients_come_back_through_the_console(size):
    model, console = controller(size), CONSOLES[size]
    tracks = 0.1 * torch.randn(2, 3, 1, 4000, generator=torch.Generator().manual_seed(0))
    hears = Heard(*(torch.stack((x, x)) for x in heard(3)))
    mix = console(tracks, RATE, console.to_physical(model(hears)))
    mix.square().sum().backward()
    for name, weight in model.encoder.named_parameters():
        assert weight.grad.abs().max() > 0, name


def controls_of(size: str) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    return 0.3 + 0.4 * torch.rand(2, CONSOLES[size].n_controls, generator=draw)


def gradient(size: str, console, x: torch.Tensor) -> torch.Tensor:
    controls = controls_of(size).requires_grad_()
    whole = CONSOLES[size].to_controls()
    y = console(x, RATE, console.to_physical(Controls(controls, None, whole.buses, whole.master)))
    (y[..., 0, :] - 0.5 * y[..., 1, :]).square().mean().backward()
    return controls.grad


@pytest.mark.parametrize("size", CONSOLES)
@pytest.mark.parametrize("mode", ["finite_difference", "spsa"])
def test_gradients_of_black_boxes_are_those_of_the_console(size, mode):
    x = 0.1 * torch.randn(2, 1, 2000, generator=torch.Generator().manual_seed(0))
    x[..., 500:1500] *= 4
    exact = gradient(size, CONSOLES[size], x)
    options = {"draws": 400} if mode == "spsa" else {}
    other = gradient(size, console_with_gradient(size, mode, **options), x)
    cosine = torch.nn.functional.cosine_similarity(other.flatten(), exact.flatten(), dim=0)
    assert cosine > (0.95 if mode == "spsa" else 0.999)


@pytest.mark.parametrize("mode", ["proxy", "half_hybrid", "full_hybrid"])
def test_gradients_of_a_network_are_those_of_the_network(mode):
    """The faders behind it are the console's own; what is heard is the effects' in use."""
    x = 0.1 * torch.randn(2, 1, 2000, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    network = TCN(CONSOLES["channel_strip"].n_controls - 2, RATE, width=4, blocks=2)
    console = console_with_gradient("channel_strip", mode, network=network)
    controls = Controls(controls_of("channel_strip").requires_grad_())
    y = console(x, RATE, console.to_physical(controls))
    plain = CONSOLES["channel_strip"]
    exact = plain(x, RATE, plain.to_physical(Controls(controls.tracks.detach())))
    assert ((y - exact).abs().max() < 1e-6) == (mode == "full_hybrid")
    y.sum().backward()
    faders = controls.tracks.detach()[:, -2:].requires_grad_()
    imitated = network(x, controls.tracks.detach()[:, :-2].requires_grad_())
    behind = CONSOLES["gain_and_pan"]
    expected = behind(imitated, RATE, behind.to_physical(Controls(faders)))
    expected.sum().backward()
    if mode != "full_hybrid":
        torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(controls.tracks.grad[:, -2:], faders.grad, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        used = console(x, RATE, console.to_physical(Controls(controls.tracks)))
    assert ((used - exact).abs().max() < 1e-6) == (mode != "proxy")


def test_every_mode_is_there():
    assert set(GRADIENTS) == {
        "autodiff", "finite_difference", "spsa", "proxy", "half_hybrid", "full_hybrid",
    }  # fmt: skip
    assert console_with_gradient("full", "autodiff") is CONSOLES["full"]
    with pytest.raises(ValueError, match="network"):
        console_with_gradient("full", "proxy")


def test_settings_that_move_go_through_those_of_each_window():
    """In the middle of a block the fader stands where it would for that window alone."""
    model, console = controller("gain_and_pan"), CONSOLES["gain_and_pan"]
    two = heard(2, windows=4)
    controls = model(two, moving=True)
    assert controls.tracks.shape == (2, 4, 2)
    x = torch.ones(2, 1, 4000)
    mix = console(x, RATE, console.to_physical(controls))
    for block in range(4):
        alone = console.to_physical(Controls(controls.tracks[:, block]))
        middle = 1000 * block + 500
        expected = console(x, RATE, alone)[:, middle]
        torch.testing.assert_close(mix[:, middle], expected, rtol=1e-4, atol=1e-5)
    steps = mix.diff(dim=-1).abs().amax()
    assert steps < 2 * (mix.amax() - mix.amin()) / 500, "in between it moves smoothly"


def test_one_window_that_moves_is_one_that_stands_still():
    model, two = controller(), heard(2, windows=1)
    still, moving = model(two), model(two, moving=True)
    torch.testing.assert_close(moving.tracks[:, 0], still.tracks)
    torch.testing.assert_close(moving.master[0], still.master)
