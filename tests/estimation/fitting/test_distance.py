"""What a search makes small."""

import pytest
import torch

from dasp.estimation.fitting.distance import distance_for, spectral, spectral_and_level
from dasp.estimation.fitting.knobs import free_knobs
from dasp.processors.catalogue import COMPRESSOR, DISTORTION, GAIN, LOW_PASS, PARAMETRIC_EQ
from dasp.processors.chain import chain

RATE = 16_000


@pytest.fixture
def noise():
    return torch.randn(1, RATE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("processor", "distance"),
    [
        (GAIN, spectral),
        (chain(GAIN, PARAMETRIC_EQ, LOW_PASS), spectral),
        (COMPRESSOR, spectral_and_level),
        (DISTORTION, spectral_and_level),
        (chain(PARAMETRIC_EQ, COMPRESSOR), spectral_and_level),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_levels_count_where_the_output_does_not_grow_with_the_input(noise, processor, distance):
    knobs = free_knobs(processor, {})
    assert distance_for(processor, knobs, noise, RATE) is distance
    assert distance_for(processor, knobs, 1e-3 * noise, RATE) is distance


def test_a_level_counts_in_decibels(noise):
    """Twice the level of every frame is 6.02 dB, of which each is worth 0.05."""
    x = noise[None]
    more = spectral_and_level(2 * x, x, RATE) - spectral(2 * x, x, RATE)
    assert more.shape == (1,)
    assert more.item() == pytest.approx(0.05 * 6.02, abs=1e-3)


def test_levels_in_another_order_are_seen(noise):
    """Bursts played backwards have nearly the same spectrum, and other levels over time."""
    fading = (noise * torch.linspace(1, 0, RATE))[None]
    growing = fading.flip(-1)
    share = spectral_and_level(growing, fading, RATE) - spectral(growing, fading, RATE)
    # |20 log10(t / (1 - t))| has the mean 40 ln 2 / ln 10 over t in [0, 1].
    assert share.item() == pytest.approx(0.05 * 12.04, rel=0.05)


def test_one_number_for_each_start_and_no_distance_to_itself(noise):
    x = torch.stack((noise, noise.roll(5)))
    distance = spectral_and_level(x, x, RATE)
    torch.testing.assert_close(distance, torch.zeros(2))
