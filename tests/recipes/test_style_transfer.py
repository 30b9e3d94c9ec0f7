import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.by_ear import Matcher
from dasp.grad import with_gradient
from dasp.losses import multi_resolution_stft
from dasp.recipes.style_transfer import (
    RATE,
    STRIP,
    Config,
    Example,
    Examples,
    build,
    errors,
    loudness_match,
    measured,
    rules,
)
from dasp.songs.balances import LEVEL_DB, Balances
from dasp.songs.choice import made_songs
from dasp.training import Schedule, Training, train


@pytest.fixture(scope="module")
def song() -> Examples:
    return Examples(Balances(made_songs(range(1), sample_rate=RATE, seconds=5.0)))


def draw(song: Examples, count: int) -> Example:
    drawn = [song(torch.Generator().manual_seed(seed)) for seed in range(count)]
    return Example(*map(torch.stack, zip(*drawn, strict=True)))


def test_inputs_have_one_level_and_targets_the_music_of_the_input(song):
    x, reference, target = draw(song, 4)
    level_db = 20 * x.square().mean((1, 2)).sqrt().log10()
    torch.testing.assert_close(level_db, torch.full((4,), LEVEL_DB), atol=1e-3, rtol=0)

    def likeness(y):
        return torch.cosine_similarity(x.abs(), y.abs(), dim=-1).mean()

    assert likeness(target) > 0.7 > likeness(reference)


def test_baselines_do_what_they_say(song):
    """The gain reaches the loudness, and rules undo most of an EQ."""
    x, reference, _ = draw(song, 2)
    louder = loudness_match(x, reference)
    wanted = measure_loudness(reference, RATE)
    torch.testing.assert_close(measure_loudness(louder, RATE), wanted, atol=0.01, rtol=0)
    bright = dict(eq_gain_db=torch.tensor([-6.0, 0, 0, 0, 0, 6]), ratio=torch.tensor(1.0))
    other = STRIP(x, RATE, **bright)
    matched, as_it_was = errors(rules(x, other), other), errors(x, other)
    assert matched["octaves (dB)"] < 0.7 * as_it_was["octaves (dB)"]
    assert matched["loudness (LU)"] < 0.05
    assert errors(x, x) == dict.fromkeys(as_it_was, 0.0)


def distance(controller, processor, x, reference, target):
    y = processor(x, RATE, **processor.to_physical(controller(x, reference)))
    return multi_resolution_stft(y, target, fft_sizes=(1024,))


def test_a_controller_learns(song):
    task, heard = build(Config(songs=1, items=2)), draw(song, 8)
    with torch.no_grad():
        before = distance(task.model, STRIP, *heard)
    schedule = Schedule("cosine", warm_up_steps=2)
    train(task, Training(steps=15, batch_size=4, learning_rate=6e-3, schedule=schedule))
    with torch.no_grad():
        assert distance(task.model, STRIP, *heard) < 0.9 * before


def test_a_network_of_the_strip_leads_the_controller_too():
    task = build(Config(gradient="full_hybrid", proxy_steps=1, songs=1, items=2))
    progress = train(task, Training(steps=1, batch_size=2))
    assert progress.step == 1 and task.model.head[0].weight.grad.any()


def test_spsa_leads_the_controller_the_way_that_autodiff_does(song):
    """One draw for 9 controls has a cosine of 1/3 in the mean, 16 draws 0.8."""
    controller, heard = Matcher(STRIP.n_controls), draw(song, 4)
    spsa = with_gradient(STRIP, "spsa", draws=16, generator=torch.Generator().manual_seed(0))
    estimated, exact = (
        torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(controller.parameters()))])
        for loss in (distance(controller, processor, *heard) for processor in (spsa, STRIP))
    )
    assert torch.cosine_similarity(estimated, exact, dim=0) > 0.6


def test_the_table_has_the_controller_beside_what_it_is_to_beat(song):
    results = measured(Matcher(STRIP.n_controls), draw(song, 2))
    assert list(results) == ["input", "loudness", "rules", "controller"]
    # A gain changes no crest factor.
    crests = [results[name]["crest factor (dB)"] for name in ("input", "loudness")]
    assert crests[0] == pytest.approx(crests[1], abs=1e-3)
