"""The percentage errors, against features written out as their sources define them."""

import numpy as np
import pytest
import torch

from dasp.evaluation import automix_toolkit
from dasp.evaluation.automix_toolkit import percentage_errors, running_mean

RATE = 44_100


@pytest.fixture(scope="module")
def mixes():
    draw = torch.Generator().manual_seed(0)
    x = 0.1 * torch.randn(2, 2 * RATE, generator=draw, dtype=torch.float64)
    x = x * (1 + 0.5 * torch.sin(torch.arange(2 * RATE) / 3000))
    y = 0.7 * x.clone()
    y[0] *= 0.5
    y[:, 1:] -= 0.6 * y[:, :-1].clone()
    return y, x


def test_equal_mixes_have_no_errors(mixes):
    errors = percentage_errors(mixes[1], mixes[1], RATE)
    assert set(errors.values()) == {0.0}
    assert [name for name in errors if name.startswith("mean_mape_")] == [
        f"mean_mape_{group}" for group in ("loudness", "spectral", "panning", "dynamic")
    ]


def test_level_counts_for_loudness_alone(mixes):
    errors = percentage_errors(0.5 * mixes[1], mixes[1], RATE)
    for name, error in errors.items():
        if "loudness" in name:
            assert error > 0.05
        else:
            assert error == pytest.approx(0.0, abs=1e-9)


def test_loudness_is_a_percentage_of_decibels(mixes):
    """6.02 dB of the mean peak, which is what makes these numbers hard to read."""
    x = mixes[1][:, : 2 * RATE]
    frames = x.unfold(-1, 17_640, 8_820)
    peaks_db = 20 * torch.log10(frames.abs().amax((0, -1)))
    assert len(peaks_db) <= 40
    error = percentage_errors(0.5 * x, x, RATE)["peak_loudness"]
    # Both are cut to whole frames of 1024 samples, which leaves out less than one frame.
    assert error == pytest.approx(6.0206 / abs(peaks_db.mean().item()), rel=0.01)


def _features(x):
    """NumPy and loops: each feature `(frames,)` of one channel at its peak of -1 dB."""
    window = np.sqrt(np.hanning(4097)[:-1])
    count = 1 + (len(x) - 4096) // 1024
    pieces = np.stack([x[1024 * k : 1024 * k + 4096] for k in range(count)])
    magnitude = np.abs(np.fft.rfft(pieces * window))
    f = np.arange(2049) * RATE / 4096
    out = {name: np.zeros(count) for name in ("centroid", "bandwidth", "rolloff", "flatness")}
    peaks, valleys = np.zeros((5, count)), np.zeros((5, count))
    for k, m in enumerate(magnitude):
        share = m / m.sum()
        centroid = (f * share).sum()
        out["centroid"][k] = centroid + 1
        out["bandwidth"][k] = np.sqrt(((f - centroid) ** 2 * share).sum()) + 1
        out["rolloff"][k] = f[np.where(np.cumsum(m) >= 0.85 * m.sum())[0][0]] + 1
        power = np.maximum(m**2, 1e-10)
        flatness = np.exp(np.log(power).mean()) / power.mean()
        out["flatness"][k] = 1 - 20 * np.log10(flatness)
        for band, (low, high) in enumerate(
            ((0, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 4000))
        ):
            inside = list(np.where((f >= low) & (f <= high))[0])
            if band > 0:
                inside = [inside[0] - 1, *inside]
            if band == 4:
                inside += list(range(inside[-1] + 1, 2049))
            used = sorted(m[inside] if band == 4 else m[inside[:-1]])
            n = int(max(1, np.rint(0.02 * len(inside))))
            valleys[band, k], peaks[band, k] = np.mean(used[:n]), np.mean(used[-n:])
    contrast = 10 * np.log10(peaks) - 10 * np.log10(valleys)
    out["contrast"] = (contrast[0] + contrast[1:4].mean(0) + contrast[4]) / 3
    return out


def test_spectral_errors_are_those_of_features_written_out(mixes):
    kept = (2 * RATE // 1024) * 1024 + 1024  # All frames are loud: up to the end.
    errors = percentage_errors(*mixes, RATE)
    own, wanted = (x[:, :kept] * (10 ** (-1 / 20) / x.abs().max()) for x in mixes)
    expected = {}
    for channel in (0, 1):
        a, b = _features(wanted[channel].numpy()), _features(own[channel].numpy())
        for name in a:
            means = [np.convolve(v[name], np.ones(40) / 40, "valid") for v in (a, b)]
            error = np.mean(np.abs(means[0] - means[1]) / np.abs(means[0]))
            expected[name] = expected.get(name, 0) + error / 2
    for name, error in expected.items():
        assert errors[name] == pytest.approx(error, rel=1e-6), name
    assert errors["mean_mape_spectral"] == pytest.approx(np.mean(list(expected.values())), rel=1e-6)


def test_the_set_is_that_of_the_toolkit(mixes):
    """Each group, and the mean of its members behind it."""
    groups = {
        "loudness": ["peak_loudness", "lufs_loudness"],
        "spectral": ["centroid", "bandwidth", "contrast", "rolloff", "flatness"],
        "panning": [f"panning_rms_{band}" for band in ("total", "lows", "mids", "highs")],
        "dynamic": ["rms_level", "dynamic_spread", "crest_factor"],
    }
    errors = percentage_errors(*mixes, RATE)
    assert list(errors) == [
        name for group, names in groups.items() for name in (*names, f"mean_mape_{group}")
    ]
    for group, names in groups.items():
        mean = sum(errors[name] for name in names) / len(names)
        assert errors[f"mean_mape_{group}"] == pytest.approx(mean, rel=1e-12)


def test_contrast_is_the_mean_of_lows_mids_and_highs():
    """Half of the bins of a band 10, 20 or 30 dB over the others: (10 + 20 + 30) / 3 dB."""
    f = torch.arange(2049, dtype=torch.float64) * RATE / 4096
    magnitude = torch.ones(2, 3, 2049, dtype=torch.float64)
    bands = ((0, 250, 10), (250, 500, 20), (500, 1000, 20), (1000, 2000, 20), (2000, 4000, 30))
    for low, high, contrast_db in bands:
        upper_half = (f > (low + high) / 2) & (f < high - 20)
        magnitude[..., upper_half] = 10 ** (contrast_db / 10)
    contrast = automix_toolkit._contrast(magnitude, f)
    torch.testing.assert_close(contrast, torch.full((2, 3), 20.0, dtype=torch.float64))
    # Mids of 50, 20 and 20 dB count as one third: (10 + 30 + 30) / 3.
    magnitude[..., (f > 300) & (f < 480)] = 1e5
    magnitude[..., (f > 4500)] = 1.0
    contrast = automix_toolkit._contrast(magnitude, f)
    torch.testing.assert_close(contrast, torch.full((2, 3), 70 / 3, dtype=torch.float64))


def test_dynamic_errors_are_those_of_features_written_out(mixes):
    errors = percentage_errors(*mixes, RATE)
    features = []
    for x in mixes:
        pieces = (x * (10 ** (-1 / 20) / x.abs().max())).unfold(-1, 4096, 1024).numpy()
        rms_db = 20 * np.log10(np.sqrt((pieces**2).mean(-1)))
        spread = (20 * np.log10(np.abs(pieces) + 1e-30) - rms_db[..., None]).mean(-1)
        crest = 20 * np.log10(np.abs(pieces).max(-1)) / rms_db
        rows = (1 - rms_db.mean(0), 1 - spread.mean(0), crest.mean(0))
        features.append([np.convolve(row, np.ones(40) / 40, "valid") for row in rows])
    for name, a, b in zip(
        ("rms_level", "dynamic_spread", "crest_factor"), features[1], features[0], strict=True
    ):
        assert errors[name] == pytest.approx(np.mean(np.abs(a - b) / np.abs(a)), rel=1e-6), name


def test_panning_error_of_a_change_of_sides():
    """Channels that differ by a gain of 2: 1 - 2 * 2 / (1 + 4) = 0.2 everywhere; by 3: 0.4."""
    x = 0.1 * torch.randn(2 * RATE, dtype=torch.float64)
    errors = percentage_errors(torch.stack((x, 3 * x)), torch.stack((2 * x, x)), RATE)
    for band in ("total", "lows", "mids", "highs"):
        assert errors[f"panning_rms_{band}"] == pytest.approx(1.0, abs=1e-6)


def test_silence_round_the_reference_is_cut():
    draw = torch.Generator().manual_seed(0)
    x = torch.zeros(2, 4 * RATE, dtype=torch.float64)
    x[:, RATE : 3 * RATE] = 0.1 * torch.randn(2, 2 * RATE, generator=draw, dtype=torch.float64)
    own, kept = automix_toolkit._trimmed(x, x)
    assert torch.equal(own, kept)
    assert 2 * RATE <= kept.shape[-1] < 2 * RATE + 3 * 4096
    with pytest.raises(ValueError, match="expected at least 45056 samples that are not silent"):
        percentage_errors(0 * x, 0 * x, RATE)


def test_running_means_are_what_a_loop_has():
    x = torch.randn(3, 100)
    expected = torch.stack([x[:, k : k + 40].mean(-1) for k in range(61)], -1)
    torch.testing.assert_close(running_mean(x), expected)
    torch.testing.assert_close(running_mean(x[:, :40]), x[:, :40].mean(-1, keepdim=True))
