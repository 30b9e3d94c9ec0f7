"""The rules for compressor and reverb, worked by hand, and what is measured for them."""

import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.controllers.forest.knowledge_engineered import (
    Heard,
    compressor_settings,
    find_tempo,
    knowledge_engineered,
    listen,
    measure_tail,
    pre_delay_ms,
    reverb_settings,
    rt60_s,
)

RATE = 16_000


def _clicks(bpm: float, seconds: float = 12.0, decay_s: float = 0.03) -> torch.Tensor:
    """A low drum on every beat."""
    x = torch.zeros(round(seconds * RATE))
    t = torch.arange(round(0.25 * RATE)) / RATE
    hit = torch.sin(2 * math.pi * 80 * t) * torch.exp(-t / decay_s)
    for beat in range(int(seconds * bpm / 60)):
        start = round(beat * 60 / bpm * RATE)
        x[start : start + len(hit)] += hit[: len(x) - start]
    return x[None]


def test_the_compressor_by_hand():
    """At 120 BPM a beat lasts 500 ms; a tail of 150 ms is the attack, 350 ms are left."""
    settings = compressor_settings(Heard(-20.0, 5.0, 0.15, 120.0))
    assert settings["threshold_db"] == -20.0
    assert settings["ratio"] == 5.0
    assert settings["attack_ms"] == pytest.approx(150.0)
    assert settings["release_ms"] == pytest.approx(350.0)
    assert settings["knee_db"] == pytest.approx(150 / 350 * 5)
    assert settings["makeup_gain_db"] == pytest.approx(16.0)  # 20 dB over the threshold become 4


def test_a_short_tail_is_taken_for_a_tenth_of_a_second_and_no_tempo_for_110_bpm():
    settings = compressor_settings(Heard(-20.0, 5.0, 0.02, None))
    assert settings["attack_ms"] == pytest.approx(100.0)
    assert settings["release_ms"] == pytest.approx(60_000 / 110 - 100)


@pytest.mark.parametrize("crest, ratio", [(1.0, 1.0), (9.5, 9.5), (25.0, 10.0)])
def test_the_ratio_is_the_crest_factor_up_to_ten(crest, ratio):
    assert compressor_settings(Heard(-20.0, crest, 0.0, 120.0))["ratio"] == ratio


def test_an_attack_longer_than_a_beat_leaves_no_release():
    settings = compressor_settings(Heard(-20.0, 2.0, 0.6, 120.0))
    assert settings["release_ms"] == 0.0
    assert settings["knee_db"] == pytest.approx(0.6 / 0.005 * 2.0)


@pytest.mark.parametrize(
    "bpm, ms",
    [(120.0, 500 / 16), (110.0, 60_000 / 110 / 16), (125.0, 30.0), (126.0, 60_000 / 126 / 8),
     (60.0, 1000 / 32), (None, 10.0)],
)  # fmt: skip
def test_the_pre_delay_is_the_shortest_part_of_a_beat_over_30_ms(bpm, ms):
    assert pre_delay_ms(bpm) == pytest.approx(ms)


@pytest.mark.parametrize(
    "bpm, seconds",
    [(60.0, 4.0), (110.0, 4.0), (121.0, 3.0), (122.0, 1.9), (123.5, 0.3), (200, 0.3)],
)
def test_the_reverberation_time_follows_the_line_between_its_limits(bpm, seconds):
    assert rt60_s(bpm) == pytest.approx(seconds)


def test_the_reverb_by_hand():
    """At a crest factor of 2: 1/8 of the reverb, and a pole of 1/4 in its damping."""
    settings = reverb_settings(Heard(-20.0, 2.0, 0.0, 122.0), RATE)
    wet = 1 - 10 ** (-9 / 20)
    assert wet == pytest.approx(0.645, abs=5e-4)
    mix = settings["mix"]
    assert mix / (1 - mix) == pytest.approx(wet / 8 / (1 - wet))
    assert math.exp(-2 * math.pi * settings["damping_hz"] / RATE) == pytest.approx(1 / 4)
    assert settings["bandwidth_hz"] == 5000.0
    assert settings["decay"] == pytest.approx(10 ** (-0.544 / 1.9), rel=1e-3)
    assert settings["pre_delay_ms"] == pytest.approx(60_000 / 122 / 16)


def test_a_sine_is_heard_as_loud_and_as_peaky_as_it_is():
    t = torch.arange(6 * RATE, dtype=torch.float64) / RATE
    x = 0.1 * torch.sin(2 * math.pi * 1000 * t).expand(2, -1)
    heard = listen(x, RATE)
    assert heard.rms_db == pytest.approx(-20 - 10 * math.log10(2), abs=1e-3)
    assert heard.crest == pytest.approx(math.sqrt(2), rel=1e-3)
    assert heard.tail_s == pytest.approx(3.0, abs=0.01)  # all of a buffer
    assert heard.tempo_bpm is None


def test_a_tail_lasts_until_it_is_20_db_down():
    """exp(-t / tau) is 20 dB down after tau ln 10; tails of 50 and 80 ms have a mean of 65 ms.

    The analytic signal of a sudden start overshoots, which takes some of the tail.
    """
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    x = torch.zeros(2 * RATE, dtype=torch.float64)
    for start, tail_s in ((0, 0.05), (RATE, 0.08)):
        hit = torch.sin(2 * math.pi * 2000 * t + math.pi / 2)
        x[start : start + RATE] = hit * torch.exp(-t * math.log(10) / tail_s)
    assert measure_tail(x, RATE) == pytest.approx(0.065, rel=0.04)


def test_tails_are_counted_as_a_loop_over_scipys_envelope_counts_them():
    x = torch.randn(RATE, dtype=torch.float64) * torch.linspace(0, 1, RATE).pow(4)
    envelope = np.abs(scipy.signal.hilbert(scipy.signal.lfilter([1], [1, -0.99], x.numpy())))
    runs, length = [], 0
    for above in [*(envelope > envelope.max() / 10), False]:
        if not above and length > 100:
            runs.append(length)
        length = length + 1 if above else 0
    assert len(runs) > 1
    filtered = torch.from_numpy(scipy.signal.lfilter([1], [1, -0.99], x.numpy()))
    assert measure_tail(filtered, RATE) == pytest.approx(np.mean(runs) / RATE, rel=1e-9)


def test_a_tempo_needs_more_than_ten_onsets():
    assert find_tempo(_clicks(120.0), RATE) == pytest.approx(120.0, rel=0.01)
    assert find_tempo(_clicks(120.0, seconds=4.5), RATE) is None


def test_settings_stay_within_the_ranges_of_their_parameters():
    """Even for clicks in near silence, whose crest factor is far over ten."""
    x = 1e-4 * torch.randn(1, 4 * RATE)
    x[0, ::RATE] = 1.0
    for stage in knowledge_engineered(x, RATE):
        ranges = {param.name: param for param in stage.processor.params}
        for name, value in stage.settings.items():
            assert ranges[name].low <= value <= ranges[name].high


def test_silence_has_no_stages():
    assert knowledge_engineered(torch.zeros(2, RATE), RATE) == ()
