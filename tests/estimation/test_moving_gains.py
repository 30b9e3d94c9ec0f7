"""Moving gains against a written-out matrix of triangles, and against faders that were moved."""

import numpy as np
import pytest
import torch

from dasp.estimation.least_squares import fit_filters
from dasp.estimation.moving_gains import fit_moving_gains, gain_curves


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("time", [400, 401, 399])
@pytest.mark.parametrize("smoothness", [1e-9, 0.1])
def test_the_knots_are_those_of_lstsq_on_triangles(time, smoothness):
    block, tracks, mix = 100, noise(3, time), noise(2, time, seed=1)
    knots = fit_moving_gains(tracks, mix, block_samples=block, smoothness=smoothness)
    count = knots.shape[-1]
    distance = np.abs(np.arange(time)[:, None] / block - np.arange(count))
    triangles = np.clip(1 - distance, 0, None)
    columns = (tracks.numpy()[:, :, None] * triangles).transpose(1, 0, 2).reshape(time, -1)
    power = tracks.square().sum(-1).numpy() / (count - 1)
    steps = [
        np.sqrt(smoothness * power[k]) * (np.eye(3 * count)[k * count + b + 1]
                                          - np.eye(3 * count)[k * count + b])
        for k in range(3) for b in range(count - 1)
    ]  # fmt: skip
    matrix = np.concatenate((columns, np.stack(steps)))
    for c in (0, 1):
        right = np.concatenate((mix[c].numpy(), np.zeros(len(steps))))
        expected = np.linalg.lstsq(matrix, right, rcond=None)[0].reshape(3, count)
        np.testing.assert_allclose(knots[:, c].numpy(), expected, rtol=1e-6, atol=1e-7)


def test_a_fader_that_was_moved_is_followed():
    tracks, block = noise(4, 1, 44_100), 4410
    true = noise(4, 2, 44_100 // block + 1, seed=1)
    mix = (tracks * gain_curves(true, block, 44_100)).sum(0)
    found = fit_moving_gains(tracks, mix, block_samples=block, smoothness=1e-9)
    torch.testing.assert_close(found, true, atol=1e-5, rtol=0)


def test_a_fader_at_rest_is_a_static_gain():
    tracks, mix = noise(4, 20_000), noise(2, 20_000, seed=1)
    static = fit_filters(tracks, mix).filters
    stiff = fit_moving_gains(tracks, mix, block_samples=1000, smoothness=1e6)
    torch.testing.assert_close(stiff, static.expand_as(stiff), atol=1e-6, rtol=0)


def test_silence_takes_a_straight_line():
    tracks = noise(1, 5000)
    tracks[:, 1000:4000] = 0
    true = torch.linspace(0.2, 1.2, 6, dtype=torch.float64).expand(1, 2, -1)
    mix = tracks[:, None] * gain_curves(true, 1000, 5000)
    found = fit_moving_gains(tracks, mix[0], block_samples=1000, smoothness=1e-8)
    torch.testing.assert_close(found, true, atol=1e-4, rtol=0)
    silent = fit_moving_gains(0 * tracks, mix[0], block_samples=1000)
    assert silent.abs().max() == 0
