"""What is believed of voices: a table of presets, and what follows from it."""

import numpy as np
import pytest
import torch

from benchmarks.voice_presets import dynamics, responses_db
from dasp.estimation.matching.voices import voice_bands, voice_dynamics, voice_gains

THIRDS = 31


def test_the_table_is_that_of_the_presets(shared_data):
    folder = shared_data / "diffvox_presets"
    raw = [np.load(folder / f"{name}/raw_params.npy") for name in ("internal", "medleydb")]
    presets = torch.from_numpy(np.concatenate(raw)).double()
    gains = responses_db(presets)
    prior = voice_gains(THIRDS)
    assert torch.allclose(prior.mean.double(), gains.mean(0), atol=0.01)
    own = (prior.root @ prior.root.mT - torch.eye(THIRDS)).double()
    assert torch.allclose(own, gains.mT.cov(), atol=0.02)
    ratio = voice_dynamics()["compressor.ratio"]
    logarithms = dynamics(presets)["ratio"]
    assert np.log(ratio.mean) == pytest.approx(logarithms.mean().item(), abs=0.01)
    assert np.log(ratio.spread) == pytest.approx(logarithms.std().item(), abs=0.01)


def test_an_eq_like_the_presets_costs_less_than_its_opposite():
    prior = voice_gains(THIRDS)
    assert prior.price(prior.mean) == 0
    flat, opposite = (prior.price(sign * prior.mean) for sign in (0, -1))
    assert 0 < flat < opposite


def test_gains_of_broad_bands_follow_from_thirds():
    """With one gain for each half of the thirds, the nearest are the means of the halves."""
    response = torch.zeros(THIRDS, 2)
    response[:15, 0] = response[15:, 1] = 1.0
    mean = voice_gains(THIRDS).mean
    halves = torch.stack((mean[:15].mean(), mean[15:].mean()))
    assert torch.allclose(voice_bands(response).mean, halves, atol=1e-4)
