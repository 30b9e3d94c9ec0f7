import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.functional import noise_gate
from tests.functional.swells import SAMPLE_RATE, level_db, pole, swells

GATE = {
    "threshold_db": -20.0,
    "hysteresis_db": 10.0,
    "hold_ms": 3.0,
    "attack_ms": 0.5,
    "release_ms": 6.0,
    "range_db": 40.0,
}


def gate_gains(key, *, threshold_db, hysteresis_db, hold_ms, attack_ms, release_ms, range_db):
    """Gain of every sample of one channel: a state machine, then a smoother."""
    closed = 10 ** (-range_db / 20)
    is_open, held, gain, gains = False, 0, closed, []
    for sample in key:
        level = level_db(sample)
        if level >= threshold_db:
            is_open = True
        if level >= threshold_db - hysteresis_db:
            held = 0
        else:
            held += 1
            if held > round(hold_ms * SAMPLE_RATE / 1000):
                is_open = False
        target = 1.0 if is_open else closed
        p = pole(attack_ms) if target > gain else pole(release_ms)
        gain = p * gain + (1 - p) * target
        gains.append(gain)
    return np.array(gains)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"hysteresis_db": 0.0},
        {"hysteresis_db": 0.0, "hold_ms": 0.0},
        {"hold_ms": 0.0},
        {"hold_ms": 1e4},
        {"hold_ms": 12.0, "hysteresis_db": 3.0},
        {"threshold_db": -200.0},
        {"threshold_db": 40.0},
        {"attack_ms": 20.0, "release_ms": 1.0},
        {"range_db": 0.0},
    ],
)
def test_gate_equals_a_written_out_state_machine(changed):
    x, settings = swells(2, 1500), {**GATE, **changed}
    alone = noise_gate(x, SAMPLE_RATE, **settings, linked=False)
    for channel in (0, 1):
        expected = x[channel].numpy() * gate_gains(x[channel].numpy(), **settings)
        np.testing.assert_allclose(alone[channel], expected, rtol=0, atol=1e-9)
    expected = x.numpy() * gate_gains(x.abs().amax(0).numpy(), **settings)
    np.testing.assert_allclose(noise_gate(x, SAMPLE_RATE, **settings), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(30))
def test_gate_equals_the_state_machine_at_any_settings(seed):
    """Settings drawn so that the gate opens and closes; with levels exactly on the thresholds."""
    random = np.random.default_rng(seed)
    levels_db = random.choice([-200.0, -40.0, -26.0, -20.0, -6.0], 400, p=[0.3, 0.3, 0.2, 0.1, 0.1])
    x = torch.from_numpy(10 ** (levels_db / 20))[None]
    settings = {
        **GATE,
        # Half a dB from the levels, but for the hysteresis of 0.
        "threshold_db": random.choice([-39.5, -25.5, -19.5]),
        "hysteresis_db": random.choice([0.0, 6.0, 14.5]),
        "hold_ms": random.integers(0, 12) * 1000 / SAMPLE_RATE,
        "range_db": 60.0,
    }
    y = noise_gate(x, SAMPLE_RATE, **settings)
    expected = x[0].numpy() * gate_gains(x[0].numpy(), **settings)
    np.testing.assert_allclose(y[0], expected, rtol=1e-12, atol=0)


def test_side_chain_and_its_high_pass():
    x, key = swells(2, 1000), swells(1, 1000)
    sos = scipy.signal.butter(2, 900.0, "high", fs=SAMPLE_RATE, output="sos")
    expected = x.numpy() * gate_gains(scipy.signal.sosfilt(sos, key[0].numpy()), **GATE)
    y = noise_gate(x, SAMPLE_RATE, **GATE, sidechain=key, sidechain_high_pass_hz=900.0)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9)


def test_what_is_loud_passes_and_what_is_quiet_falls_by_the_range():
    x = torch.tensor([[0.5, 1e-3]], dtype=torch.float64).repeat_interleave(48_000, -1)
    settings = {"threshold_db": -30.0, "attack_ms": 1.0, "release_ms": 20.0, "range_db": 24.0}
    y = noise_gate(x, 48_000, **settings)
    assert y[0, 47_999].item() == pytest.approx(0.5, rel=1e-9)
    assert y[0, -1].item() == pytest.approx(1e-3 * 10 ** (-24 / 20), rel=1e-9)


def test_hysteresis_keeps_the_gate_from_chattering():
    """A level that wavers by 4 dB around the threshold opens once, and stays."""
    wavering_db = torch.where(torch.arange(2000) // 100 % 2 == 0, -18.0, -22.0).double()
    x = (10 ** (wavering_db / 20))[None]
    settings = {**GATE, "attack_ms": 0.0, "release_ms": 0.0}
    changes = [
        ((noise_gate(x, SAMPLE_RATE, **settings) / x).diff().abs() > 0.1).sum().item()
        for settings in ({**settings, "hysteresis_db": 0.0}, {**settings, "hysteresis_db": 6.0})
    ]
    assert changes == [19, 0]


def test_hold_in_milliseconds():
    x = torch.full((1, 2000), 1e-4, dtype=torch.float64)
    x[0, 500] = 1.0
    y = noise_gate(
        x, SAMPLE_RATE, threshold_db=-20, attack_ms=0, release_ms=0, hold_ms=50, range_db=60
    )
    is_open = (y / x)[0] > 0.5
    assert is_open.nonzero().flatten().tolist() == list(range(500, 500 + 1 + 400))


@pytest.mark.parametrize("time_ms", [0.5, 20.0])
def test_attack_and_release_of_the_gate_cover_63_percent(time_ms):
    samples = round(time_ms * SAMPLE_RATE / 1000)
    settings = {"threshold_db": -20.0, "hold_ms": 0.0, "range_db": 40.0}
    span = 1 - 0.01

    loud = torch.ones(1, samples, dtype=torch.float64)
    y = noise_gate(loud, SAMPLE_RATE, **settings, attack_ms=time_ms, release_ms=3.0)
    assert y[0, -1].item() == pytest.approx(0.01 + span * (1 - math.exp(-1)), rel=1e-9)

    x = torch.cat((torch.ones(1, 4000), torch.full((1, samples), 1e-3)), -1).double()
    gain = noise_gate(x, SAMPLE_RATE, **settings, attack_ms=1.0, release_ms=time_ms) / x
    assert gain[0, -1].item() == pytest.approx(0.01 + span * math.exp(-1), rel=1e-9)
