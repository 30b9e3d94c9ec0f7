"""DeepMixing's recipe: its gradients are those of the same reward, and it learns."""

from dataclasses import replace

import pytest
import torch

from dasp.controllers.deep_mixing.hearing import cepstra, powers_of_mix
from dasp.controllers.deep_mixing.policy import Size
from dasp.controllers.deep_mixing.system import load_trained
from dasp.recipes import deep_mixing as recipe
from dasp.recipes.deep_mixing import (
    Config,
    at_true_levels,
    collate,
    level_error,
    made_song,
    measured,
    true_gains,
)
from dasp.training import Training, train

TINY = Size(track_state=4, mix_state=3, matching=4)
TRUE = torch.tensor([1.6, 0.9, 0.5])


def song(seed, chunks=3):
    """A low, a middle and a high track, of which the true mix has known levels."""
    draw = torch.Generator().manual_seed(seed)
    away = (torch.arange(64)[:, None] - torch.tensor([10, 32, 54])) / 8
    x = torch.exp(-away.square())[..., None] * torch.randn(chunks, 64, 3, 9, generator=draw)
    shared = x @ x.mT
    target = cepstra(powers_of_mix(shared, TRUE))
    return recipe.Example(shared, torch.tensor([0, 9, 20]), torch.ones(3).bool(), target,
                          20 * TRUE.log10())  # fmt: skip


@pytest.fixture
def songs(monkeypatch):
    monkeypatch.setattr(recipe, "made_songs", lambda seeds, _: [song(seed) for seed in seeds])
    return replace(Config(), size=TINY, songs=8, unseen_songs=4)


def gradient(config, repeats):
    """The mean over many draws of the gradient of the loss, by the estimator, and its spread."""
    torch.manual_seed(0)
    task = recipe.build(config)
    batch = collate([song(seed) for seed in range(2)])
    found = []
    for _ in range(repeats):
        loss = task.loss(task.model, batch)
        weight = task.model.concentrate.bias
        found.append(torch.autograd.grad(loss, weight)[0].item())
    found = torch.tensor(found).double()
    return found.mean().item(), found.std().item() / repeats**0.5


def test_reinforce_and_the_way_through_the_draws_have_the_same_gradient(songs):
    """Of the concentration, which the mean of the distribution does not know."""
    by_score, score_error = gradient(replace(songs, estimator="reinforce", draws=128), 12)
    through, through_error = gradient(replace(songs, estimator="reparameterised", draws=128), 12)
    assert abs(by_score) > 4 * score_error
    assert abs(by_score - through) < 4 * (score_error**2 + through_error**2) ** 0.5


@pytest.mark.parametrize("estimator", ["reinforce", "reparameterised", "mean"])
def test_it_learns_by_each_estimator_and_its_weights_are_read(estimator, songs, tmp_path):
    training = Training(steps=40, batch_size=2, learning_rate=3e-2, validate_every=20)
    config = replace(songs, estimator=estimator, training=training)
    task = recipe.build(config)
    before = task.measure(task.model.eval())
    train(task, training, tmp_path)
    policy = load_trained(tmp_path / "weights.safetensors")
    assert policy.size == TINY
    after = task.measure(policy)
    assert after["policy"]["reward"] > before["equal loudness"]["reward"] + 0.05
    assert after["policy"]["level"] < 0.7 * before["equal loudness"]["level"]


def test_levels_are_compared_as_they_stand_beside_each_other():
    own = song(0)
    assert level_error(3 * TRUE.expand(3, -1), own) == pytest.approx(0, abs=1e-4)
    assert measured(lambda s: TRUE.expand(3, -1), [own])["reward"] == pytest.approx(1)


def test_of_levels_alone_the_true_ones_are_worth_all_and_of_the_whole_mix_they_are_not():
    """What equaliser, compressor and room do to the mix, no gain does."""
    whole = made_song(3, 4.0, 22_050)
    levels = at_true_levels(whole)
    true, equal = (lambda song: true_gains(song).expand(len(song.target), -1),
                   lambda song: song.present * torch.ones(len(song.target), 1))  # fmt: skip
    assert measured(true, [levels])["reward"] == pytest.approx(1)
    assert measured(true, [levels])["level"] == pytest.approx(0, abs=1e-4)
    assert measured(equal, [levels])["reward"] < 0.9
    assert measured(equal, [whole])["reward"] < measured(true, [whole])["reward"] < 0.95


def test_reinforce_needs_another_draw_to_compare_with():
    with pytest.raises(ValueError, match="draws"):
        Config(estimator="reinforce", draws=1)
