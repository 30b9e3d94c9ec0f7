"""The audio-feature loss, written out in NumPy."""

import numpy as np
import pytest

from dasp.losses import audio_features
from tests.losses.signals import noise

RATE = 44_100
OUTPUT, TARGET = noise(2, RATE), noise(2, RATE, seed=1) * 2


def features(x: np.ndarray) -> dict[str, np.ndarray]:
    left, right = x
    rms = np.sqrt(np.mean(x**2, -1))
    return {
        "rms": rms,
        "crest_factor": 20 * np.log10(np.max(abs(x), -1) / rms),
        "stereo_width": np.mean((left - right) ** 2) / np.mean((left + right) ** 2),
        "stereo_imbalance": (np.mean(right**2) - np.mean(left**2)) / np.mean(right**2 + left**2),
        "bark_spectrum": np.array([np.log(bark(mid)) for mid in (left + right, left - right)]),
    }


def bark(x: np.ndarray) -> np.ndarray:
    """24 triangles even in Bark (Traunmüller 1990) on the mean of magnitudes, up to a scale."""
    size, hop = 32_768, 8192
    x = np.concatenate([np.zeros(size // 2), x, np.zeros(2 * size)])
    frames = 1 + -(-RATE // hop)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    spectra = [abs(np.fft.rfft(window * x[k * hop :][:size])) for k in range(frames)]

    def z(f):
        z = 26.81 * f / (1960 + f) - 0.53
        return np.where(z < 2, z + 0.15 * (2 - z), np.where(z > 20.1, z + 0.22 * (z - 20.1), z))

    edges = np.linspace(z(20.0), z(20_000.0), 26)
    place = z(np.fft.rfftfreq(size, 1 / RATE))
    rising = (place[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - place[:, None]) / (edges[2:] - edges[1:-1])
    return np.mean(spectra, 0) @ np.clip(np.minimum(rising, falling), 0, None)


@pytest.mark.parametrize(
    "name", ["rms", "crest_factor", "stereo_width", "stereo_imbalance", "bark_spectrum"]
)
def test_each_feature(name):
    a, b = features(OUTPUT.numpy())[name], features(TARGET.numpy())[name]
    loss = audio_features(OUTPUT, TARGET, RATE, weights={name: 1.0})
    assert loss.item() == pytest.approx(np.mean((a - b) ** 2), rel=1e-5)


def test_the_published_weights():
    a, b = features(OUTPUT.numpy()), features(TARGET.numpy())
    weights = {"rms": 0.1, "crest_factor": 0.001, "stereo_width": 1.0, "stereo_imbalance": 1.0,
               "bark_spectrum": 0.1}  # fmt: skip
    expected = sum(weight * np.mean((a[name] - b[name]) ** 2) for name, weight in weights.items())
    assert audio_features(OUTPUT, TARGET, RATE).item() == pytest.approx(expected, rel=1e-5)


def test_an_unknown_feature():
    with pytest.raises(ValueError, match="did you mean 'crest_factor'"):
        audio_features(OUTPUT, TARGET, RATE, weights={"crest_facto": 1.0})
