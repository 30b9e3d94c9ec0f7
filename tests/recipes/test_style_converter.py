"""The converter's recipe: that it learns what the style of a reference asks for."""

import pytest
import torch
from torch.utils.data import default_collate

from dasp.controllers.fxnorm import GROUPS
from dasp.controllers.style.conversion import load_converter
from dasp.controllers.style.converter import NUMBERS, Size
from dasp.losses import multi_scale_spectral
from dasp.recipes import style_converter as recipe
from dasp.recipes.style_converter import Config, level_difference
from dasp.training import Training, train
from dasp.training.converter_examples import FULL_SCALE, Rendering

TINY = Size(blocks=1, width=8, hidden=8)
TIME = 8192


def two_gains(seed, heard=0.0):
    """Pieces of noise at their level, 12 dB up or 12 dB down, of which a style tells.

    Its means do not, or as if they were `heard` times as far apart.
    """
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(len(GROUPS), 2, 1, 2, TIME, generator=draw)
    noise = (noise / noise.abs().amax((-2, -1), keepdim=True)).expand(-1, -1, 4, -1, -1)
    steps = (noise * FULL_SCALE).round().to(torch.int16)
    peak = torch.tensor([0.2, 0.8, 0.05, 0.2]).expand(len(GROUPS), 2, -1)
    style = 5 * torch.eye(NUMBERS)[torch.tensor([-3, -2, -1, -3])]
    style[:, :64] = heard * torch.tensor([0.0, 0.6, -0.6, 0.0])[:, None]
    return Rendering(steps, peak, style.expand(2, 1 + len(GROUPS), 2, -1, -1))


def test_it_learns_and_its_weights_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe.Renderings, "all", lambda self, seeds: [two_gains(s) for s in seeds])
    monkeypatch.setattr(recipe, "NOISE", 0.0)
    training = Training(steps=40, batch_size=4, learning_rate=1e-2)
    config = Config(
        size=TINY,
        renderings=2,
        unseen_renderings=1,
        settings=2,
        frames=4096,
        kept=1.0,
        training=training,
    )
    task = recipe.build(config)
    before = task.measure(task.model.eval())
    untrained, unchanged = (before[name]["level"] for name in ("network", "input"))
    assert untrained == pytest.approx(unchanged, rel=1e-4)
    train(task, training, tmp_path)
    converter = load_converter(tmp_path / "weights.safetensors")
    assert converter.size == TINY
    found = task.measure(converter)["network"]
    assert found["level"] < 0.6 * unchanged
    assert found["spectral distance"] < 0.6 * before["input"]["spectral distance"]


def test_a_step_compares_at_one_resolution_and_else_all_count(monkeypatch):
    monkeypatch.setattr(recipe.Renderings, "all", lambda self, seeds: [two_gains(s) for s in seeds])
    config = Config(size=TINY, renderings=1, unseen_renderings=1, settings=2, frames=4096)
    task, asked = recipe.build(config), []

    batch = default_collate([task.draw(torch.Generator().manual_seed(i)) for i in range(2)])

    def watched(*args, fft_sizes, **options):
        asked.append(fft_sizes)
        return multi_scale_spectral(*args, fft_sizes=fft_sizes, **options)

    monkeypatch.setattr(recipe, "multi_scale_spectral", watched)
    for _ in range(20):
        task.loss(task.model, batch)
    assert {len(sizes) for sizes in asked} == {1}
    assert {size for sizes in asked for size in sizes} == {4096, 2048, 1024, 512}
    with torch.no_grad():
        task.loss(task.model, batch)
    assert asked[-1] == (4096, 2048, 1024, 512)


def test_levels_are_compared_channel_by_channel():
    x = torch.tensor([3.0, 1.0])[:, None].expand(2, 100)[None]
    assert level_difference(x, x.flip(-2)).item() == pytest.approx(2.0)
    assert level_difference(2 * x, x).item() == pytest.approx(2.0)


def test_half_of_the_way_from_the_regression_to_the_last_weights_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(
        recipe.Renderings, "all", lambda self, seeds: [two_gains(s, 1.0) for s in seeds]
    )
    config = Config(size=TINY, renderings=1, unseen_renderings=1, settings=2, frames=4096)
    task = recipe.build(config)
    first = {name: weight.clone() for name, weight in task.model.named_parameters()}
    assert first["at_rest.weight"].any() and not first["at_rest.bias"].any()
    with torch.no_grad():
        for weight in task.model.parameters():
            weight += 1.0
    task.save(tmp_path / "w.safetensors", task.model)
    kept = dict(load_converter(tmp_path / "w.safetensors").named_parameters())
    for name, weight in first.items():
        torch.testing.assert_close(kept[name], weight + 0.5, atol=2e-3, rtol=2e-3)
