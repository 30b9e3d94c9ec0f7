"""Labels beside known gains, what a preamp does to them, and a small forest."""

import pytest
import torch

from dasp.controllers.forest.slot_features import FEATURES, SLOTS, slot_features
from dasp.controllers.forest.system import keeping_power, predict_gains
from dasp.controllers.forest.trees import load_forest
from dasp.processors.stage import setting
from dasp.recipes.random_forest import Songs, grow, listen, off_by_db, other_preamps, r2
from dasp.songs import drum_sessions
from dasp.songs.drum_sessions import open_session
from dasp.training.command import program
from dasp.units import db_to_gain


@pytest.fixture(scope="module")
def session():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drum_sessions, "RATE", 24_000)
        yield open_session(0, None)


def test_labels_are_the_gains_that_the_engineer_set(session):
    """Known by the document: gain and constant-power pan, up to one factor for the whole mix."""
    heard = listen(session, 1)
    torch.testing.assert_close(heard.found, heard.known, rtol=1e-4, atol=1e-5)
    by_hand = torch.zeros(len(SLOTS), 2)
    for track in session.dry_mix.tracks:
        angle = torch.tensor((setting(track.strip, "pan") + 1) * torch.pi / 4)
        gain = db_to_gain(setting(track.strip, "gain_db"))
        by_hand[SLOTS.index(track.name)] = gain * torch.stack((angle.cos(), angle.sin()))
    factor = (heard.known * by_hand).sum() / by_hand.square().sum()
    torch.testing.assert_close(heard.known.float(), factor.float() * by_hand, rtol=1e-4, atol=1e-5)


def test_a_whole_mix_hides_the_gains_a_little(session):
    whole = listen(session, 1, whole=True)
    assert torch.equal(whole.known, listen(session, 1).known)
    batch = Songs(*(part[None] for part in whole))
    assert 0.1 < off_by_db(batch.found, batch) < 12.0


def test_copies_are_what_would_be_heard_and_found_at_other_preamps():
    """Against features measured anew of tracks at the copy's levels."""
    tracks = [0.1 * torch.randn(1, 16_000, dtype=torch.float64) for _ in range(3)]
    slots = {slot: (i, 0) for i, slot in enumerate(("kick", "snare", "room left"))}
    features = slot_features(tracks, slots, 16_000)
    gains = torch.zeros(len(SLOTS), 2, dtype=torch.float64)
    rows = [SLOTS.index(slot) for slot in slots]
    gains[rows] = torch.tensor([[1.0, 1.0], [0.5, 0.2], [0.0, 2.0]]).double()
    song = Songs(*(part[None] for part in (features, gains, gains)))
    copies = other_preamps(song, 2, torch.Generator().manual_seed(0))
    assert torch.equal(copies.features[0], features)
    for k in (1, 2):
        rms_db = copies.features[k, rows, FEATURES.index("rms_db")]
        preamps = 10 ** ((rms_db - features[rows, FEATURES.index("rms_db")]) / 20)
        anew = slot_features([p * t for p, t in zip(preamps, tracks, strict=True)], slots, 16_000)
        torch.testing.assert_close(copies.features[k], anew, rtol=0, atol=1e-4)
        same_mix = gains.clone()
        same_mix[rows] /= preamps[:, None]
        torch.testing.assert_close(copies.found[k], keeping_power(same_mix, anew))


def test_explained_variance_by_hand():
    """Gains 1, 2, 3 told as 1, 2, 2, an error of 1, and 5, 9 told as 5, 8, an error of 1.

    The variances are 2 and 8, and what is told of the empty slot of the first song is not heard.
    """
    features = torch.zeros(3, len(SLOTS), len(FEATURES), dtype=torch.float64)
    features[:, 0] = features[1:, 1] = 1.0
    known = torch.zeros(3, len(SLOTS), 2, dtype=torch.float64)
    known[:, 0] = torch.tensor([1.0, 2.0, 3.0]).double()[:, None]
    known[1:, 1] = torch.tensor([5.0, 9.0]).double()[:, None]
    told = known.clone()
    told[2, 0], told[2, 1], told[0, 1] = 2.0, 8.0, 100.0
    songs = Songs(features, known, known)
    assert r2(known, songs) == 1.0
    assert r2(told, songs) == pytest.approx(1 - 2 / 10)
    errors_db = 20 * torch.tensor([1.5, 9 / 8]).log10()
    assert off_by_db(told, songs) == pytest.approx(errors_db.sum().item() / 5)


@pytest.fixture
def sklearn():
    return pytest.importorskip(
        "sklearn", reason="scikit-learn, the extra 'forest', is not installed"
    )


def test_it_trains_measures_and_saves(sklearn, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(drum_sessions, "RATE", 24_000)
    path = tmp_path / "forest.safetensors"
    small = ["--sessions=2", "--unseen-sessions=1", "--songs=1", "--copies=3", "--trees=4"]
    assert program("dasp.recipes.random_forest", [*small, f"--output={path}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    results = {name.strip(): float(x) for name, x in (line.rsplit(None, 1) for line in lines[:-1])}
    assert results["labels off by, dry mixes (dB)"] < 1e-3
    assert results["R2 of gains, trained on"] > 0.5
    features = torch.rand(2, len(SLOTS), len(FEATURES), dtype=torch.float64)
    assert predict_gains(load_forest(path), features).isfinite().all()


def test_there_is_nothing_to_go_on_with(tmp_path, capsys):
    assert program("dasp.recipes.random_forest", ["--resume", "-o", str(tmp_path)]) == 1
    assert "--resume: random_forest does its work in one go" in capsys.readouterr().err


def test_the_same_seed_grows_the_same_forest(sklearn):
    features = torch.rand(30, len(SLOTS), len(FEATURES), dtype=torch.float64)
    gains = features[..., :2]
    songs = Songs(features, gains, gains)
    one, again, other = (grow(songs, trees=3, leaves=10, seed=seed) for seed in (0, 0, 1))
    for name, array in vars(one).items():
        assert torch.equal(array, vars(again)[name])
    assert not torch.equal(one.value, other.value)


def test_a_forest_learns_what_a_feature_tells(sklearn):
    """The snare is twice as loud where the kick is bright."""
    features = torch.rand(60, len(SLOTS), len(FEATURES), dtype=torch.float64)
    features[..., :3] = 0.0
    gains = torch.ones(60, len(SLOTS), 2, dtype=torch.float64)
    bright = features[:, 0, FEATURES.index("centroid_hz")] > 0.5
    gains[bright, 1] = 2.0
    gains = keeping_power(gains, features)
    forest = grow(Songs(features, gains, gains), trees=20, leaves=20, seed=0)
    said = predict_gains(forest, features)
    ratio = said[:, 1, 0] / said[:, 2, 0]
    assert ratio[bright].mean() > 1.6
    assert ratio[~bright].mean() < 1.3
