import pickle

import pytest
import torch

from dasp.controllers.gain_and_pan import CONSOLE, Mixer, octaves_db
from dasp.losses import esr
from dasp.mixing.console import Settings
from dasp.recipes.gain_and_pan import LEVEL_DB, PAN, Config, build
from dasp.training import Training, load_weights, train
from dasp.units import gain_to_db


@pytest.fixture(scope="module")
def task():
    return build(Config(songs=12, unseen_songs=2, seconds=4.0))


def test_workers_draw_the_same(task):
    sent = pickle.loads(pickle.dumps(task.draw))
    here, there = (draw(torch.Generator().manual_seed(1)) for draw in (task.draw, sent))
    assert all(map(torch.equal, here, there))


def test_the_engineer_likes_these_levels_and_places(task):
    """Heard alone, every instrument has its level, and its sides differ by the law of the pan."""
    tracks, mix = (x[0] for x in task.validation[0])
    level_db = gain_to_db(tracks.square().mean((1, 2)).sqrt())
    parts = []
    for i, name in enumerate(LEVEL_DB):
        scaled = tracks[i] * 10 ** ((LEVEL_DB[name] - level_db[i]) / 20)
        angle = torch.pi / 4 * (1 + torch.tensor(PAN.get(name, 0.0)))
        parts.append(torch.cat([angle.cos() * scaled, angle.sin() * scaled]))
    torch.testing.assert_close(sum(parts), mix, rtol=1e-4, atol=1e-5)


def test_octaves_hold_the_power_of_a_tone():
    """A sine of amplitude 0.1 has -23 dB: all of it in the octave of its frequency."""
    time = torch.arange(8000) / 8000
    for octave, hz in enumerate((3000, 1500, 750, 370)):
        levels = octaves_db(0.1 * torch.sin(2 * torch.pi * hz * time), 8) - 60
        assert levels.argmax() == octave
        torch.testing.assert_close(levels[octave].item(), -23.01, atol=0.01, rtol=0)
        assert levels.sort().values[-2] < -70


def test_tracks_may_come_in_any_order():
    mixer, tracks = Mixer(8), torch.randn(2, 5, 1, 400)
    order = torch.randperm(5)
    torch.testing.assert_close(mixer(tracks[:, order]), mixer(tracks)[:, order])


def test_after_few_steps_it_mixes_unseen_songs_better_than_equal_levels(task, tmp_path):
    training = Training(steps=150, batch_size=4, learning_rate=2e-2, ema_decay=0.9, clip_norm=1.0)
    progress = train(task, training, tmp_path)
    assert progress.best_loss < 0.8 * equal_levels(task)
    task.model.load_state_dict(load_weights(tmp_path / "weights.safetensors"))
    with torch.no_grad():
        preview = task.preview(task.model)
    assert [track.name for track in preview.mix.tracks] == list(LEVEL_DB)
    settings = [
        {stage.processor.name: stage.settings for stage in track.strip}
        for track in preview.mix.tracks
    ]
    assert settings[0]["gain"]["gain_db"] > -60


def equal_levels(task) -> float:
    """The error where all tracks have one RMS in the centre, with the best level of the whole."""
    errors = []
    for tracks, mix in task.validation:
        gain_db = -gain_to_db(tracks.square().mean((-2, -1)).sqrt())
        plain = CONSOLE(tracks, 8000, Settings({"gain.gain_db": gain_db}))
        plain = plain * (plain * mix).sum() / plain.square().sum()
        errors.append(esr(plain, mix).item())
    return sum(errors) / len(errors)
