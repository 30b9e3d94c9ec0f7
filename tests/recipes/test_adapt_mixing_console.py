"""A console learns on from finished songs, and its ear does not."""

import pytest
import torch

from dasp.audio_io import save_audio
from dasp.controllers.console.mix import RECIPE, load_trained
from dasp.controllers.console.network import CONSOLES, MixingController, Size
from dasp.recipes.adapt_mixing_console import Draw, adaptation, songs_for
from dasp.recipes.differentiable_mixing_console import Config
from dasp.songs.synthetic import synthetic_song
from dasp.training.checkpoint import save_weights
from dasp.training.command import program
from dasp.training.config import as_table


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """The weights of a small console that has learnt nothing."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("base") / "weights.safetensors"
    config = Config(console="channel_strip", network=Size((4, 4), 8, 16))
    model = MixingController(CONSOLES[config.console], config.network)
    save_weights(path, model, {"recipe": RECIPE, "config": as_table(config)})
    return path


def test_all_but_the_ear_learns_on(base, tmp_path, capsys):
    song = synthetic_song(3, seconds=2.0, ensemble=("kick", "bass", "vocal"))
    stems = tmp_path / "songs" / "one" / "stems"
    stems.mkdir(parents=True)
    for name, track in zip(song.names, song.tracks, strict=True):
        save_audio(stems / f"{name}.wav", track, 44_100)
    out = tmp_path / "adapted.safetensors"
    options = ["--base", str(base), "--finished", str(tmp_path / "songs"), "--made", "1",
               "--steps", "2", "--batch-size", "4", "-o", str(out)]  # fmt: skip
    assert program("dasp.recipes.adapt_mixing_console", options) == 0, capsys.readouterr().err
    before, after = load_trained(base).model, load_trained(out).model
    assert out.stat().st_size < 0.7 * base.stat().st_size, "half as many bytes"
    for name, weight in after.named_parameters():
        same = torch.equal(weight, before.get_parameter(name).half().float())
        assert same == name.startswith("encoder."), name


def test_what_is_remembered_is_as_good_as_what_is_heard(base):
    """The settings that are said of embeddings are those said of pictures."""
    trained = load_trained(base)
    _, (song,) = songs_for(trained, [], made=1)
    task = adaptation(trained, [song], [song])
    assert isinstance(task.draw, Draw)
    assert not any(w.requires_grad for w in task.model.encoder.parameters())
    heard, told = song.song.heard, song.song.told
    said = task.model.eval()(heard, told, by_ear=True, embedding=song.embedding)[0]
    assert torch.equal(said.tracks, task.model.decide(song.embedding, heard, told).tracks)
