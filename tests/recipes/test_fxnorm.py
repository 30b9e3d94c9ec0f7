"""The recipe of FxNorm-automix: that either network learns, and that its weights are read."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dasp._toml import read_toml
from dasp.analysis import measure_side_share
from dasp.controllers.fxnorm.baseline import BaselineSize
from dasp.controllers.fxnorm.network import MaskSize
from dasp.controllers.fxnorm.system import fxnorm_mix, heard_stems, load_fxnorm
from dasp.evaluation.metrics import measure_errors
from dasp.recipes import fxnorm as recipe
from dasp.recipes.fxnorm import Config, added, build
from dasp.songs.multitrack import Multitrack
from dasp.songs.synthetic import SyntheticSongs
from dasp.training import Training, train
from dasp.training.config import changed
from dasp.training.fxnorm_examples import HeardSong

FRAMES = 6000
TINY = MaskSize(
    filters=16, kernel=8, smoothing=8, bottleneck=4, hidden=4, skip=4, blocks=2, repeats=1,
    recurrent=1, expansion=1,
)  # fmt: skip
CONFIG = Config(
    masks=TINY, baseline=BaselineSize(filters=4, levels=2, hears_stems=True, guard=100),
    songs=2, unseen_songs=1, seconds=0.2, frames=FRAMES, average=False, features=0.1,
)  # fmt: skip


def two_gains(seed: int) -> HeardSong:
    """Noise whose mix has the voice 12 dB up and all else as it is."""
    draw = torch.Generator().manual_seed(seed)
    stems = 0.05 * torch.randn(8, 8000, generator=draw)
    gains = torch.tensor([4.0, 4.0] + [0.3] * 6)
    return HeardSong({"wet": stems.half(), "mono": stems.half()}, (gains[:, None] * stems).half())


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(
        recipe, "made_songs", lambda seeds, *others: [two_gains(seed) for seed in seeds]
    )


@pytest.mark.long
@pytest.mark.parametrize("kind", ["masks", "wave-u-net"])
def test_it_learns_and_its_weights_are_read(kind, known, tmp_path):
    torch.manual_seed(0)
    config = replace(CONFIG, kind=kind, data="", cache="")
    task = build(config)
    before = task.measure(task.model)
    training = Training(steps=60, batch_size=2, learning_rate=1e-2, clip_norm=1.0)
    train(task, training, tmp_path)
    network, kept = load_fxnorm(tmp_path / "weights.safetensors")
    after = task.measure(network)
    assert after["network"]["L_a"] < 0.8 * before["network"]["L_a"]
    assert after["sum of the stems"] == before["sum of the stems"]
    assert kept["kind"] == kind and kept["stems"] == "wet"


def test_no_loss_hears_the_guard(known):
    task = build(CONFIG)
    batch = task.validation[0]
    guard = TINY.guard
    wrong = batch.mix.clone()
    wrong[..., :guard], wrong[..., -guard:] = 1.0, -1.0
    stems = {1: batch.mix}
    losses = [task.loss(lambda x: stems[1], batch._replace(mix=mix)) for mix in (batch.mix, wrong)]
    assert losses[0] == losses[1] == 0
    wrong[..., guard] += 1.0
    assert task.loss(lambda x: batch.mix, batch._replace(mix=wrong)) > 0


def test_filters_that_are_octaves_stay_so(known, tmp_path):
    task = build(CONFIG)
    before = task.model.filters.weight.clone()
    train(task, Training(steps=2, batch_size=2, learning_rate=1e-2), tmp_path)
    assert torch.equal(task.model.filters.weight, before)
    drawn = build(replace(CONFIG, octaves=False))
    assert drawn.model.filters.weight.requires_grad


def test_the_side_and_the_features_count_as_they_are_told_to(known):
    """A mono mix of what is wide: the loss falls by what the side is not counted."""
    batch = build(CONFIG).validation[0]
    mono = batch.mix.mean(-2, keepdim=True).expand(-1, 2, -1)
    losses = {}
    for side, features in ((0.0, 0.0), (4.0, 0.0), (0.0, 5.0)):
        torch.manual_seed(0)
        task = build(replace(CONFIG, side=side, features=features))
        losses[side, features] = task.loss(lambda x: mono, batch).item()
    share = measure_side_share(batch.mix[..., TINY.guard : -TINY.guard], 44_100).mean().item()
    counted = losses[4.0, 0.0] - losses[0.0, 0.0]
    assert counted == pytest.approx(4 * share, rel=0.02) and share > 0.1
    assert losses[0.0, 5.0] > losses[0.0, 0.0] + 1


def test_songs_are_left_out_by_their_names(known, monkeypatch, tmp_path):
    songs = [Multitrack(name, 44_100, ()) for name in ("one", "two", "three")]
    heard = []

    def hear(song):
        heard.append(song.name)
        return two_gains(len(song.name))

    monkeypatch.setattr(recipe, "load_dataset", lambda data: songs)
    monkeypatch.setattr(recipe, "released_song", hear)
    config = replace(CONFIG, data="songs:there", unseen=("two",), below_hz=11_000.0)
    task = build(config)
    assert heard == ["one", "three", "two"]
    assert len(task.validation) == 8  # two ends of two kinds, made and released
    task.save(tmp_path / "weights.safetensors", task.model)
    assert tuple(load_fxnorm(tmp_path / "weights.safetensors")[1]["unseen"]) == ("two",)
    with pytest.raises(ValueError, match="unseen: expected one of 'one', 'two', 'three'"):
        build(replace(config, unseen=("tow",)))
    with pytest.raises(ValueError, match="unseen: expected to leave a song to learn from"):
        build(replace(config, unseen=("one", "two", "three")))


def test_the_loss_does_not_mind_which_side_is_which(known):
    task = build(CONFIG)
    batch = task.validation[0]
    straight, other = (
        task.loss(lambda x: added(x), batch._replace(mix=mix))
        for mix in (batch.mix, batch.mix.flip(-2))
    )
    assert straight.item() == pytest.approx(other.item(), rel=1e-3)  # but for the noise


def test_the_paper_s_configuration_in_the_docs_is_the_paper_s(tmp_path):
    page = Path(__file__).resolve().parents[2] / "docs" / "fxnorm_automix.md"
    (block,) = re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "paper.toml").write_text(block, encoding="utf-8")
    config = changed(Config(), read_toml(tmp_path / "paper.toml"))
    assert config.masks == MaskSize() and config.frames == 10 * 44_100 and not config.octaves
    epochs = 150 + 50 + 50 + 25 + 25 + 10
    assert config.training.steps == 1600 * epochs
    assert config.training.schedule.milestones[0] == 1600 * 150
    assert config.training.batch_size == 4 and config.training.clip_norm == 0.2
    ours = (config.features, config.side, config.strangers, config.level_db)
    assert not any(ours) and not config.average


@pytest.mark.long
def test_the_package_s_network_mixes_dry_songs_that_it_has_not_heard():
    """Nearer in spectrum and audio features than the sum of the normalised stems that it hears."""
    song = SyntheticSongs(1, 600_000, 8.0, mixed=True)[0]
    wanted = song.mix()
    sums = heard_stems(song.song).reshape(4, 2, -1).sum(0)
    own, plain = (
        measure_errors(mix, wanted, 44_100, names=("spectrum", "audio_features"))
        for mix in (fxnorm_mix(song.song), sums)
    )
    assert own["spectrum"] < plain["spectrum"]
    assert own["audio_features"] < 0.7 * plain["audio_features"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 2 * TINY.guard}, "frames: expected above 140 .twice the guard"),
        ({"frames": 9000}, "frames: expected at most 8820"),
        ({"stems": "dry", "data": "songs:there"}, "data: those songs have no dry stems"),
        ({"songs": 0}, "songs: expected at least 1"),
        ({"unseen": ("one",)}, "unseen: there is no data"),
        ({"features": -1.0}, "features: expected at least 0"),
        ({"strangers": 1.5}, "strangers: expected at least 0 and at most 1"),
        ({"below_hz": 0.0}, "below_hz: expected above 0"),
    ],
)
def test_configurations_without_a_meaning_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)
