import numpy as np
import pytest
import torch

from dasp.functional import compressor, multiband_compressor
from dasp.functional.multiband import split_bands
from tests.functional.crossover import RATE, impulse, linkwitz_riley, magnitude_db

CROSSOVERS = {2: [900.0], 3: [200.0, 2500.0], 5: [60.0, 400.0, 3000.0, 9000.0]}
SETTINGS = {"threshold_db": -30.0, "ratio": 3.0, "attack_ms": 2.0, "release_ms": 30.0}


def split_by_scipy(x, crossovers):
    """Split off the lowest band first; a band that is split off passes both sides of the rest."""
    bands, rest = [], x
    for freq_hz in crossovers:
        bands = [sum(linkwitz_riley(band, freq_hz, kind) for kind in ("low", "high"))
                 for band in bands]  # fmt: skip
        bands.append(linkwitz_riley(rest, freq_hz, "low"))
        rest = linkwitz_riley(rest, freq_hz, "high")
    return [*bands, rest]


@pytest.mark.parametrize("bands", CROSSOVERS)
def test_bands_equal_scipy(bands):
    x = torch.randn(2, 2000, dtype=torch.float64)
    split = split_bands(x, torch.tensor(CROSSOVERS[bands], dtype=torch.float64), RATE)
    expected = np.stack(split_by_scipy(x.numpy(), CROSSOVERS[bands]))
    np.testing.assert_allclose(split, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("bands", CROSSOVERS)
def test_with_ratios_of_one_every_frequency_keeps_its_level(bands):
    y = multiband_compressor(
        impulse(), RATE, crossover_freq_hz=CROSSOVERS[bands], **{**SETTINGS, "ratio": 1.0}
    )
    assert magnitude_db(y).abs().max() < 1e-6


@pytest.mark.parametrize("bands", CROSSOVERS)
@pytest.mark.parametrize("linked", [True, False])
def test_equals_compressors_on_the_bands_of_scipy(bands, linked):
    x = 0.5 * torch.randn(2, 2000, dtype=torch.float64)
    settings = {
        "threshold_db": torch.linspace(-50, -20, bands),
        "ratio": torch.linspace(2, 8, bands),
        "attack_ms": torch.linspace(5, 1, bands),
        "release_ms": torch.linspace(50, 10, bands),
        "makeup_gain_db": torch.linspace(-3, 6, bands),
    }
    settings = {key: value.double() for key, value in settings.items()}
    y = multiband_compressor(
        x, RATE, crossover_freq_hz=CROSSOVERS[bands], **settings, knee_db=9.0, linked=linked
    )
    split = split_by_scipy(x.numpy(), CROSSOVERS[bands])
    expected = sum(
        compressor(
            torch.from_numpy(band), RATE, **{key: value[i] for key, value in settings.items()},
            knee_db=9.0, linked=linked,
        )
        for i, band in enumerate(split)
    )  # fmt: skip
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-9)


def test_items_of_a_batch_have_their_own_crossovers():
    x = 0.5 * torch.randn(3, 2, 1000, dtype=torch.float64)
    crossovers = torch.tensor([[100.0, 1000.0], [200.0, 3000.0], [700.0, 9000.0]]).double()
    thresholds = torch.tensor([[-20.0], [-30.0], [-50.0]]).double().expand(3, 3)
    settings = {**SETTINGS, "threshold_db": thresholds, "knee_db": torch.tensor([0.0, 6.0, 12.0])}
    together = multiband_compressor(x, RATE, crossover_freq_hz=crossovers, **settings)
    for i in range(3):
        own = {**settings, "threshold_db": thresholds[i], "knee_db": settings["knee_db"][i]}
        alone = multiband_compressor(x[i], RATE, crossover_freq_hz=crossovers[i], **own)
        torch.testing.assert_close(together[i], alone, rtol=1e-12, atol=1e-12)


def test_a_loud_bass_does_not_move_the_treble():
    """Against a compressor of the whole signal, in which it does."""
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    treble = 0.003 * torch.sin(2 * torch.pi * 8000 * t)[None]
    both = treble + 0.7 * torch.sin(2 * torch.pi * 50 * t)

    def treble_change_db(y):
        window = torch.hann_window(RATE // 2, dtype=torch.float64)
        levels = [torch.fft.rfft(z[0, RATE // 2 :] * window)[8000 // 2].abs() for z in (y, treble)]
        return (20 * torch.log10(levels[0] / levels[1])).item()

    settings = {**SETTINGS, "ratio": 8.0, "release_ms": 500.0}
    whole = compressor(both, RATE, **settings)
    bands = multiband_compressor(both, RATE, crossover_freq_hz=CROSSOVERS[3], **settings)
    assert treble_change_db(whole) < -15
    assert abs(treble_change_db(bands)) < 0.01


@pytest.mark.parametrize("crossovers", [[2500.0, 200.0], [300.0, 300.0]])
def test_crossovers_must_rise(crossovers):
    with pytest.raises(ValueError, match=r"crossover_freq_hz, .*expected above 0"):
        multiband_compressor(torch.zeros(1, 9), RATE, crossover_freq_hz=crossovers, **SETTINGS)


def test_the_number_of_bands_is_that_of_the_crossovers():
    settings = {**SETTINGS, "ratio": [2.0, 3.0]}
    with pytest.raises(ValueError, match=r"ratio: expected .*\(3,\)"):
        multiband_compressor(torch.zeros(1, 9), RATE, crossover_freq_hz=CROSSOVERS[3], **settings)
