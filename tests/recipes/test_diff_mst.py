"""Diff-MST's recipe: what is drawn, that halves share settings, and that it learns."""

from dataclasses import replace

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.diff_mst.bands import distance, mix_of_bands
from dasp.controllers.diff_mst.hearing import SOUND, HeardTracks
from dasp.controllers.diff_mst.network import CONSOLE, Size
from dasp.controllers.diff_mst.system import load_trained
from dasp.recipes import diff_mst as recipe
from dasp.recipes.diff_mst import Config, Examples, HeardSong, collate, drawn_settings
from dasp.training import Training, train

TINY = Size(width=16, layers=1, heads=2, feed_forward=16)


def song(seed, tracks=4):
    """Halves of mono tracks with spectra of their own."""
    draw = torch.Generator().manual_seed(seed)
    power = torch.randn(1, tracks, 1, BANDS, generator=draw).exp().expand(2, -1, 3, -1)
    sound = torch.randn(1, tracks, SOUND, generator=draw).expand(2, -1, -1)
    playing = torch.ones(2, tracks, dtype=torch.bool)
    heard = HeardTracks(power, sound, torch.full((2, tracks), -20.0), playing)
    return HeardSong(heard, ("kick", "bass", "vocal", "keys")[:tracks])


def test_by_method_one_the_target_is_the_own_half_under_the_settings_of_the_reference():
    config = Config(foreign=0.0)
    for seed in range(5):
        one = Examples([song(0)], config)(torch.Generator().manual_seed(seed))
        # Halves of these songs are alike: so are the tracks, the reference's and the target's.
        torch.testing.assert_close(one.reference, one.target)
        torch.testing.assert_close(one.target, one.bands)


def test_by_method_two_another_song_is_reference_and_target():
    draw = Examples([song(0), song(1, 3), song(2, 2)], Config(foreign=1.0))
    drawn = [draw(torch.Generator().manual_seed(seed)) for seed in range(12)]
    assert all(one.reference.equal(one.target) for one in drawn)
    assert any(one.reference.shape != one.bands.shape for one in drawn)


def test_settings_are_within_the_ranges_of_the_console_and_of_both_kinds():
    low, high = (CONSOLE.to_physical(recipe.Controls(tracks=torch.full((CONSOLE.n_controls,), x)))
                 for x in (0.0, 1.0))  # fmt: skip
    for engineered in (0.0, 1.0):
        draw = torch.Generator().manual_seed(0)
        for _ in range(20):
            for name, value in drawn_settings(("kick", "vocal"), engineered, draw).items():
                assert (value >= low.tracks[name] - 0.01).all(), name
                assert (value <= high.tracks[name] + 0.01).all(), name
    loud = drawn_settings(("vocal", "pad"), 1.0, torch.Generator().manual_seed(0))
    assert loud["gain.gain_db"][0] > loud["gain.gain_db"][1]  # as the engineer likes it


def test_a_batch_of_songs_of_other_sizes_is_the_same_for_each():
    config = Config(foreign=0.5)
    draw = Examples([song(0), song(1, 2)], config)
    drawn = [draw(torch.Generator().manual_seed(seed)) for seed in range(6)]
    batch = collate(drawn)
    for i, one in enumerate(drawn):
        own = mix_of_bands(one.target, one.settings)
        together = mix_of_bands(batch.target, batch.settings)[i]
        assert distance(own, together).item() == pytest.approx(0, abs=1e-3)


def test_it_learns_and_its_weights_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "heard_songs", lambda seeds, config: [song(s) for s in seeds][:8])
    training = Training(steps=60, batch_size=16, learning_rate=1e-2, validate_every=20)
    config = replace(Config(), size=TINY, songs=8, unseen_songs=4, training=training)
    task = recipe.build(config)
    before = task.measure(task.model.eval())["network"]["distance"]
    train(task, training, tmp_path)
    model = load_trained(tmp_path / "weights.safetensors")
    assert model.size == TINY
    found = task.measure(model)
    assert found["network"]["distance"] < 0.85 * before
    assert found["equal loudness"]["distance"] > found["network"]["distance"]
