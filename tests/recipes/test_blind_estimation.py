import pytest
import torch

from dasp.recipes.blind_estimation import (
    LEVEL_DB,
    RATE,
    STRIP,
    Encoder,
    Estimator,
    Mixes,
    measure,
    processed,
    train,
)


@pytest.fixture(scope="module")
def song() -> Mixes:
    return Mixes(range(1), seed=0, seconds=4.0)


def test_mixes_have_one_level_and_different_balances(song):
    x = song.draw(3, seconds=1.0)
    assert x.shape == (3, 1, RATE)
    level_db = 20 * x.square().mean((1, 2)).sqrt().log10()
    torch.testing.assert_close(level_db, torch.full((3,), LEVEL_DB), atol=1e-3, rtol=0)
    assert (x[0] - x[1]).abs().max() > 0.01


def test_without_gains_and_at_ratio_1_nothing_is_done(song):
    x = song.draw(2, seconds=0.5)
    y = STRIP(x, RATE, eq_gain_db=torch.zeros(2, 6), ratio=torch.ones(2), threshold_db=-20.0)
    torch.testing.assert_close(y, x, atol=1e-6, rtol=0)


def test_the_encoder_hears_a_gain_as_a_gain_and_no_polarity():
    x, encoder = 0.1 * torch.randn(2, 1, RATE // 2), Encoder()
    features, louder = encoder(x), encoder(2 * x)
    assert features.shape == (2, encoder.size)
    torch.testing.assert_close(encoder(-x), features, atol=1e-5, rtol=0)
    torch.testing.assert_close(
        (louder - features)[:, -2:], torch.tensor([[0.301, 0.0]]).expand(2, 2), atol=1e-3, rtol=0
    )


def test_perfect_estimates_have_no_error_and_training_helps(song):
    class Perfect(torch.nn.Module):
        def forward(self, x):
            again = Mixes(range(0), seed=7)
            again.songs = song.songs
            again.draw(len(x))
            return again.uniform(len(x), STRIP.n_controls)

    song.generator.manual_seed(7)
    results = measure(Perfect(), song, items=4)
    assert max(results["estimated"].values()) < 1e-5 and min(results["mean"].values()) > 0.3
    estimator = Estimator()
    train(estimator, song, steps=40, batch=8, rate=3e-3)
    results = measure(estimator, song, items=16)
    assert results["estimated"]["spectral distance"] < 0.8 * results["mean"]["spectral distance"]


def test_processed_asks_for_no_gradient(song):
    controls = torch.full((1, STRIP.n_controls), 0.5, requires_grad=True)
    assert not processed(song.draw(1), controls).requires_grad
