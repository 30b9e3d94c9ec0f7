"""What is measured of a stem: against SciPy, closed forms, and signals whose effects are known."""

import math

import pytest
import torch
from scipy.signal import savgol_filter

from dasp.controllers.fxnorm import (
    GROUPS,
    EffectFeatures,
    average_features,
    load_features,
    measure_effects,
    save_features,
)
from dasp.controllers.fxnorm.features import POINTS, RATE, similarity, smooth
from dasp.signal.resample import resample

CLOSE = {"rtol": 0, "atol": 1e-5}


def _noise(seconds=3.0, level=0.1):
    generator = torch.Generator().manual_seed(1)
    return level * torch.randn(2, round(seconds * RATE), generator=generator)


def test_smoothing_is_a_savitzky_golay_filter_of_order_one():
    curve = torch.rand(2000, dtype=torch.float64)
    wanted = savgol_filter(curve.numpy(), 151, 1, mode="mirror")
    torch.testing.assert_close(smooth(curve, 151), torch.from_numpy(wanted), **CLOSE)


def test_similarity_is_that_of_its_formula():
    left, right = torch.rand(50), torch.rand(50)
    wanted = [
        2 * a * b / (a * a + b * b) for a, b in zip(left.tolist(), right.tolist(), strict=True)
    ]
    torch.testing.assert_close(similarity(left, right), torch.tensor(wanted), **CLOSE)


def test_a_panned_stem_has_the_similarity_of_its_gains_at_every_frequency():
    mono = _noise()[:1]
    found = measure_effects(torch.cat((mono, 0.5 * mono)), RATE, "other").similarity
    torch.testing.assert_close(found, torch.full((POINTS,), 0.8), rtol=0, atol=1e-4)


def test_the_spectrum_of_noise_is_flat_and_does_not_depend_on_its_level():
    loud, soft = (measure_effects(_noise(level=level), RATE, "drums") for level in (0.5, 0.005))
    torch.testing.assert_close(loud.spectrum, soft.spectrum, rtol=1e-3, atol=0)
    flat = loud.spectrum[10:-10]
    assert 20 * math.log10(flat.max() / flat.min()) < 2.0
    assert loud.loudness_lufs - soft.loudness_lufs == pytest.approx(40.0, abs=1e-3)


def test_peaks_are_those_between_onsets():
    """Bursts with peaks of -10 and -20 dB by turns: the loudest quarter is of the louder ones."""
    x = torch.zeros(2, 4 * RATE)
    for i, level_db in enumerate((-10.0, -20.0) * 4):
        start = RATE // 2 * i + RATE // 4
        x[:, start : start + 2000] = 10 ** (level_db / 20) * torch.cos(torch.arange(2000) * 0.3)
    found = measure_effects(x, RATE, "drums")
    assert found.peaks_db == pytest.approx(-10.0, abs=0.1)
    assert found.deviation_db == pytest.approx(0.0, abs=0.1)


def test_a_silent_stem_has_no_features():
    assert measure_effects(torch.full((2, RATE), 1e-4), RATE, "bass") is None
    assert measure_effects(torch.zeros(2, 0), RATE, "bass") is None


def test_features_are_the_same_at_any_rate():
    x = torch.nn.functional.avg_pool1d(_noise(), 31, 1)
    here, there = (
        measure_effects(x, RATE, "other"),
        measure_effects(resample(x, RATE, 48_000), 48_000, "other"),
    )
    assert there.loudness_lufs == pytest.approx(here.loudness_lufs, abs=0.05)
    ratio = (there.spectrum / here.spectrum)[:600]
    torch.testing.assert_close(ratio, torch.ones(600), rtol=0, atol=0.02)


def test_the_average_is_the_mean_and_files_keep_it(tmp_path):
    found = [measure_effects(_noise(level=level), RATE, "vocals") for level in (0.1, 0.2)]
    mean = average_features(found)
    assert mean.loudness_lufs == pytest.approx(sum(one.loudness_lufs for one in found) / 2)
    save_features(tmp_path / "a.safetensors", {"vocals": mean})
    read = load_features(tmp_path / "a.safetensors")
    assert list(read) == ["vocals"]
    torch.testing.assert_close(read["vocals"].spectrum, mean.spectrum)
    assert isinstance(read["vocals"], EffectFeatures)
    with pytest.raises(ValueError, match="features"):
        average_features([])


def test_the_features_of_musdb18_ship():
    features = load_features()
    assert list(features) == list(GROUPS)
    assert features["drums"].loudness_lufs == pytest.approx(-34.18, abs=0.01)
    assert features["vocals"].peaks_db == pytest.approx(-14.24, abs=0.01)
    assert features["bass"].spectrum.shape == (POINTS,)


def test_another_file_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"no such thing")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_features(tmp_path / "a.safetensors")
