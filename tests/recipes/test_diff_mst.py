"""Diff-MST's recipe: what is drawn, that halves share settings, and that it learns."""

from dataclasses import replace

import pytest
import torch

from dasp.controllers.console.features import BANDS
from dasp.controllers.diff_mst.bands import distance, mix_of_bands
from dasp.controllers.diff_mst.hearing import HeardTracks
from dasp.controllers.diff_mst.network import CONSOLE, Size
from dasp.controllers.diff_mst.system import load_trained
from dasp.mixing.console import Controls
from dasp.recipes import diff_mst as recipe
from dasp.recipes.diff_mst import (
    Config,
    Examples,
    HeardSong,
    collate,
    drawn_settings,
    role_of,
)
from dasp.training import Training, train

TINY = Size(width=16, layers=1, heads=2, feed_forward=16)


def song(seed, tracks=4):
    """Halves of mono tracks with spectra of their own."""
    draw = torch.Generator().manual_seed(seed)
    power = torch.randn(1, tracks, 1, BANDS, generator=draw).exp().expand(2, -1, 3, -1)
    names = ("kick", "bass", "vocal", "keys")[:tracks]
    roles = torch.stack([role_of(name) for name in names]).expand(2, -1, -1)
    playing = torch.ones(2, tracks, dtype=torch.bool)
    heard = HeardTracks(power, roles, torch.full((2, tracks), -20.0), playing)
    return HeardSong(heard, names)


def test_by_method_one_the_target_is_the_own_half_under_the_settings_of_the_reference():
    config = Config(foreign=0.0)
    for seed in range(5):
        one = Examples([song(0)], config)(torch.Generator().manual_seed(seed))
        # Halves of these songs are alike: so are the tracks, the reference's and the target's.
        torch.testing.assert_close(one.reference, one.target)
        torch.testing.assert_close(one.target, one.bands)


def test_a_half_in_which_a_track_pauses_is_softer_in_the_reference_and_not_to_be_mixed():
    made = song(0)
    loudness = made.heard.loudness.clone()
    loudness[1, 2] = -30.0
    made = made._replace(heard=made.heard._replace(loudness=loudness))
    config = Config(foreign=0.0)
    for seed in range(8):
        one = Examples([made], config)(torch.Generator().manual_seed(seed))
        if one.mask[2]:
            softer = (one.reference[2] / one.target[2]).log10().mul(10)
            assert softer.abs().mean().item() == pytest.approx(10.0, abs=0.01)
            torch.testing.assert_close(one.reference[0], one.target[0])
            torch.testing.assert_close(one.bands[0], one.target[0])


def test_by_method_two_another_song_is_reference_and_target():
    draw = Examples([song(0), song(1, 3), song(2, 2)], Config(foreign=1.0))
    drawn = [draw(torch.Generator().manual_seed(seed)) for seed in range(12)]
    assert all(one.reference.equal(one.target) for one in drawn)
    assert any(one.reference.shape != one.bands.shape for one in drawn)


def test_settings_are_within_the_ranges_of_the_console_and_of_both_kinds():
    low, high = (CONSOLE.to_physical(Controls(tracks=torch.full((CONSOLE.n_controls,), x)))
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
