"""Powers that tracks share, beside the powers of sums of samples; cepstra beside SciPy."""

import pytest
import scipy.fft
import torch

from dasp.controllers.deep_mixing.hearing import (
    CEPSTRA,
    cepstra,
    chunk_times_s,
    log_powers,
    powers_of_mix,
    shared_powers,
)

RATE = 16_000


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_mix_has_the_powers_of_the_sum_of_its_samples():
    tracks = [noise(1, 3 * RATE, seed=1), noise(2, 3 * RATE, seed=2)]
    tracks.append(0.5 * tracks[0] + noise(1, 3 * RATE, seed=3))  # has something in common
    gains = torch.tensor([0.7, 1.6, 0.2]).double()
    mixed = sum(g * x.mean(0, keepdim=True) for g, x in zip(gains, tracks, strict=True))
    expected = shared_powers([mixed], RATE)[..., 0, 0]
    torch.testing.assert_close(powers_of_mix(shared_powers(tracks, RATE), gains), expected)


def test_what_cancels_has_no_power():
    x = noise(1, RATE)
    shared = shared_powers([x, -x], RATE)
    assert powers_of_mix(shared, torch.ones(2).double()).abs().max() < 1e-12 * shared.max()


def test_each_chunk_hears_its_own_time():
    x = torch.zeros(1, 4 * RATE).double()
    x[:, int(2.1 * RATE) : int(2.9 * RATE)] = noise(1, int(0.8 * RATE))
    powers = shared_powers([x], RATE)[..., 0, 0].sum(-1)
    times = chunk_times_s(len(powers), RATE)
    assert powers.argmax() == (times - 2.5).abs().argmin()
    assert powers.sum() - powers.max() < 1e-6 * powers.max()


def test_no_chunk_is_left_out_and_a_short_song_has_one():
    assert len(shared_powers([noise(1, 10)], RATE)) == 1
    assert len(shared_powers([noise(1, 0)], RATE)) == 1
    last = shared_powers([torch.nn.functional.pad(noise(1, 100), (int(2.2 * RATE), 0))], RATE)
    assert len(last) == 3 and last[2].sum() > 0


def test_cepstra_are_those_of_scipy():
    power = noise(5, 64).square()
    expected = scipy.fft.dct(log_powers(power).numpy(), norm="ortho")[:, :CEPSTRA] / 8
    torch.testing.assert_close(cepstra(power), torch.from_numpy(expected))


def test_a_decibel_in_every_band_is_a_distance_of_0_053():
    power = 1 + noise(64).square()
    error = (cepstra(power * 10**0.1) - cepstra(power)).square().sum()
    assert error.item() == pytest.approx(0.053, abs=1e-4)


def test_silence_is_finite():
    assert cepstra(torch.zeros(2, 64)).isfinite().all()
