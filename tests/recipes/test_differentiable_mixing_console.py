"""The recipe: its known answers are the engineer's mix, and its loss knows them."""

import pickle
from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.audio_io import save_audio
from dasp.controllers.console.mix import RECIPE, load_trained
from dasp.controllers.console.network import CONSOLES, ROLE_NAMES, Size
from dasp.mixing.console import Settings, stack_tracks
from dasp.mixing.mixdown import mix_down
from dasp.processors.chain import chain
from dasp.recipes.differentiable_mixing_console import Config, build
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.synthetic import synthetic_song
from dasp.training import Training, train
from dasp.training.config import as_table
from dasp.training.console_error import settings_error
from dasp.training.console_examples import collate, engineers_answer

RATE, CONSOLE = 44_100, CONSOLES["full"]


@pytest.fixture(scope="module")
def song():
    ensemble = ("kick", "guitar", "guitar 2", "pad", "vocal")
    made = synthetic_song(4, seconds=4.0, ensemble=ensemble)
    return with_engineers_mix(made, 4)


@pytest.fixture(scope="module")
def answer(song):
    return engineers_answer(song)


def test_the_answer_on_the_console_is_the_engineers_mix(song, answer):
    """Trims to one loudness, the answer, and the faders that it asks for, against the document
    before its master strip. The second guitar has changed sides, which the answer takes back."""
    trimmed = [x * 10 ** ((-23 - measure_loudness(x, RATE)) / 20) for x in song.tracks]
    x, mono = stack_tracks(trimmed)
    own = {k: v.nan_to_num(nan=1.0) for k, v in answer.settings.tracks.items()}
    own["stereo_panner.pan"] = own["stereo_panner.pan"] * torch.tensor([1, 1, -1, 1, 1])
    effects = chain(*CONSOLE.strip[:2])
    names = [name for name in own if name in effects.defaults()]
    behind = torch.stack([
        measure_loudness(effects(audio, RATE, **{name: own[name][i] for name in names}), RATE)
        for i, audio in enumerate(trimmed)
    ])  # fmt: skip
    own["gain.gain_db"] = own["gain.gain_db"] - behind
    settings = Settings(own, {}, answer.settings.buses)
    mix = replace(CONSOLE, master=())(x, RATE, settings, mono=mono)
    document = replace(song.details["mix"], master=())
    wanted = mix_down(song.tracks, document)
    error_db = 10 * torch.log10((mix - wanted).square().mean() / wanted.square().mean())
    assert error_db < -55, "but for numbers rounded in the document"


def test_the_loss_of_the_answer_is_nothing_and_a_step_from_it_its_weight(answer):
    batch = collate([answer])
    settings = [{k: v.nan_to_num(nan=5.0) for k, v in part.items()} for part in batch.settings]
    assert settings_error(Settings(*settings), batch).item() == pytest.approx(0, abs=1e-4)
    further = dict(settings[0])
    further["gain.gain_db"] = further["gain.gain_db"] + 6.0
    said = Settings(further, *settings[1:])
    assert settings_error(said, batch).item() == pytest.approx(0, abs=1e-4), "all levels alike"
    further["compressor.ratio"] = 2 * further["compressor.ratio"]
    assert settings_error(Settings(further, *settings[1:]), batch).item() == pytest.approx(
        1.0, abs=1e-4
    )
    further["stereo_panner.pan"] = further["stereo_panner.pan"] + 0.1
    assert settings_error(Settings(further, *settings[1:]), batch).item() == pytest.approx(
        2.0, abs=1e-4
    )


def test_absent_tracks_of_a_batch_have_no_say(answer):
    few = answer._replace(
        heard=type(answer.heard)(*(x[:2] for x in answer.heard)),
        roles=answer.roles[:2], told=answer.told[:2], mask=answer.mask[:2],
        settings=answer.settings._replace(
            tracks={k: v[:2] for k, v in answer.settings.tracks.items()}
        ),
    )  # fmt: skip
    both, alone = collate([few, answer]), collate([few])
    torch.manual_seed(0)
    model = build(Config(songs=1, unseen_songs=1, seconds=1.0)).model.eval()
    torch.nn.init.normal_(model.track[-1].weight)
    errors = [
        settings_error(CONSOLE.to_physical(model(b.heard, b.told, mask=b.mask)), b)
        for b in (both, alone)
    ]
    assert errors[0].shape == (2,)
    torch.testing.assert_close(errors[0][0], errors[1][0], rtol=1e-4, atol=1e-4)


def test_a_few_steps_and_the_weights_are_a_console(tmp_path):
    """What is cached is what was heard; the loss falls; `dasp mix --weights` can read it."""
    training = Training(steps=6, batch_size=2, learning_rate=1e-2, validate_every=6)
    config = Config(
        network=Size((4, 4), 8, 16), songs=2, unseen_songs=1, seconds=2.0,
        cache=str(tmp_path / "cache"), training=training,
    )  # fmt: skip
    torch.manual_seed(0)
    first, again = build(config), build(config)
    sent = pickle.loads(pickle.dumps(again.draw))  # as workers get it
    draws = [draw(torch.Generator().manual_seed(0)) for draw in (first.draw, sent)]
    torch.testing.assert_close(draws[0].heard.pictures, draws[1].heard.pictures)
    batch = first.validation[0]
    before = first.loss(first.model.eval(), batch)
    facts = {"recipe": RECIPE, "config": as_table(config)}
    progress = train(first, training, tmp_path / "run", facts=facts)
    assert progress.best_loss < before
    trained = load_trained(tmp_path / "run" / "weights.safetensors")
    assert first.loss(trained.model, batch) == first.loss(first.model.eval(), batch)


def test_songs_of_a_data_set_are_mixed_by_the_engineer_too(tmp_path):
    """The loudest part of each; one of two songs is validated on."""
    for name in ("one", "two"):
        stems = tmp_path / "songs" / name / "stems"
        stems.mkdir(parents=True)
        for stem in ("kick", "bass", "lead vox"):
            save_audio(stems / f"{stem}.wav", 0.1 * torch.randn(1, 3 * RATE), RATE)
    config = Config(
        network=Size((4, 4), 8, 16), songs=1, unseen_songs=1, seconds=2.0,
        data=f"songs:{tmp_path / 'songs'}", cache=str(tmp_path / "cache"),
    )  # fmt: skip
    task = build(config)
    assert len(task.draw.heard) == 2 and len(task.validation) == 4
    recorded = task.draw.heard[1]
    assert recorded.roles.tolist() == [ROLE_NAMES.index(r) for r in ("bass", "kick", "vocal")]
    assert recorded.settings.tracks["gain.gain_db"].isfinite().all()
    assert (tmp_path / "cache" / f"songs-one-2s-{RATE}.safetensors").exists()
