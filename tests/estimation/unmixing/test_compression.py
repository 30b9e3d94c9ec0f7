"""Compressors that are known, found again from what they did to a mix."""

import pytest
import torch

from dasp.estimation.unmixing.compression import (
    compress,
    compressor_settings,
    first_controls,
    fit_compressors,
)
from dasp.processors.catalogue import COMPRESSOR

RATE = 8000


@pytest.fixture(scope="module")
def bursts():
    """Two tracks of noise that comes in bursts of random levels."""
    draw = torch.Generator().manual_seed(0)
    levels = torch.rand(2, 1, 16, generator=draw, dtype=torch.float64).repeat_interleave(1000, -1)
    return 0.5 * levels * torch.randn(2, 1, 16_000, generator=draw, dtype=torch.float64)


def test_a_compressor_is_found_and_the_gain_behind_it(bursts):
    true = {
        "threshold_db": torch.tensor([-30.0, -20.0]),
        "ratio": torch.tensor([4.0, 1.0]),
        "attack_ms": torch.tensor([8.0, 8.0]),
        "release_ms": torch.tensor([60.0, 60.0]),
    }
    images = COMPRESSOR(bursts, RATE, **true) * torch.tensor([[[0.9], [0.3]], [[0.2], [0.7]]])
    mix = images.sum(0)
    start = first_controls(bursts)
    found = fit_compressors(bursts, mix, RATE, start, lambda x: x.expand(-1, 2, -1), steps=25)
    settings = compressor_settings(found)
    assert settings["threshold_db"][0].item() == pytest.approx(-30, abs=1.0)
    assert settings["ratio"][0].item() == pytest.approx(4.0, rel=0.1)
    assert settings["attack_ms"][0].item() == pytest.approx(8.0, rel=0.15)
    assert settings["release_ms"][0].item() == pytest.approx(60.0, rel=0.15)
    assert settings["ratio"][1].item() == pytest.approx(1.0, abs=0.05)


def test_controls_are_those_of_the_processor(bursts):
    controls = torch.rand(2, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    settings = compressor_settings(controls)
    expected = torch.stack(
        [COMPRESSOR(bursts[k], RATE, **{n: v[k] for n, v in settings.items()}) for k in (0, 1)]
    )
    torch.testing.assert_close(compress(bursts, RATE, controls), expected)
