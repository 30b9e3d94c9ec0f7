import math

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.evaluation.baselines import anchor, baselines, mono_sum, random_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song

RATE = 44_100
NAMES = ("kick", "overheadL", "overheadR")


def _tone(freq_hz):
    return 0.1 * torch.sin(2 * math.pi * freq_hz * torch.arange(RATE) / RATE)[None]


def test_the_mono_sum_is_the_sum():
    stereo, mono = torch.randn(2, 50), torch.randn(1, 50)
    y = mix_down([stereo, mono], mono_sum(Song.of("ab", [stereo, mono], RATE)))
    torch.testing.assert_close(y[0], stereo.mean(0) + mono[0])
    assert torch.equal(y[0], y[1])


def test_every_baseline_is_stereo_and_repeats():
    draw = torch.Generator().manual_seed(0)
    tracks = [0.1 * torch.randn(1, RATE, generator=draw) for _ in NAMES]
    once, again = (baselines(Song.of(NAMES, tracks, RATE), seed=3) for _ in range(2))
    assert list(once) == ["mono sum", "equal loudness", "random", "rule mix", "anchor"]
    for name, y in once.items():
        assert y.shape == (2, RATE) and torch.equal(y, again[name])
    assert not torch.equal(
        once["random"], baselines(Song.of(NAMES, tracks, RATE), seed=4)["random"]
    )
    assert measure_loudness(once["rule mix"], RATE).item() == pytest.approx(-18, abs=0.1)


def test_random_gains_and_pans_are_even_within_their_ranges():
    many = Song.of([f"t{i}" for i in range(500)], [torch.zeros(1, 1)] * 500, RATE)
    mix = random_mix(many, torch.Generator().manual_seed(0))
    gains = torch.tensor([t.strip[0].settings["gain_db"] for t in mix.tracks])
    pans = torch.tensor([t.strip[1].settings["pan"] for t in mix.tracks])
    for values, most in ((gains, 12.0), (pans, 1.0)):
        assert 0.98 * most < values.abs().max() <= most
        assert values.std().item() == pytest.approx(most / math.sqrt(3), rel=0.08)


def test_the_anchor_is_the_overheads_hard_left_and_right_without_treble():
    tracks = [_tone(60.0), _tone(1000.0), _tone(8000.0)]
    y = anchor(Song.of(NAMES, tracks, RATE))
    inner = slice(RATE // 4, 3 * RATE // 4)
    rms = y[:, inner].square().mean(-1).sqrt()
    assert rms[0].item() == pytest.approx(0.1 / math.sqrt(2), rel=0.01)
    assert rms[1] < 1e-3 * rms[0]  # 8 kHz is 57 dB down behind eight poles at 3.5 kHz.
    kick = y[0, inner] @ tracks[0][0, inner]
    assert abs(kick) < 1e-3


def test_without_overheads_the_anchor_is_the_low_passed_sum():
    y = anchor(Song.of("ab", [_tone(500.0), _tone(9000.0)], RATE))
    assert torch.equal(y[0], y[1])
    inner = slice(RATE // 4, 3 * RATE // 4)
    assert y[0, inner].abs().max().item() == pytest.approx(0.1, rel=0.02)
