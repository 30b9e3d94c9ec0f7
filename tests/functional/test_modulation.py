import math

import numpy as np
import pytest
import scipy.signal
import torch

from dasp.functional import chorus, flanger, phaser, tremolo
from tests.functional.test_delay import reading

RATE = 8000


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def sine(rate_hz, phase, time):
    return np.sin(2 * np.pi * (rate_hz * np.arange(time) / RATE + phase))


def response(effect, rate=RATE, time=1 << 16, **settings):
    """Frequencies and magnitudes of the frequency response of an effect that stands still."""
    y = effect(torch.eye(1, time, dtype=torch.float64), rate, rate_hz=0.0, **settings)
    return np.fft.rfftfreq(time, 1 / rate), np.abs(np.fft.rfft(y[0].numpy()))


# Tremolo


@pytest.mark.parametrize("depth", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("phase", [0.0, 0.4])
def test_tremolo_is_a_gain_between_1_and_1_minus_depth(depth, phase):
    x = randn(2, 3000)
    y = tremolo(x, RATE, rate_hz=5.0, depth=depth, phase=phase, stereo_phase=0.2)
    for channel in range(2):
        gain = 1 - depth / 2 + depth / 2 * sine(5.0, phase + 0.2 * channel, 3000)
        np.testing.assert_allclose(y[channel], gain * x[channel].numpy(), rtol=0, atol=1e-12)


def test_tremolo_in_opposite_phase_pans():
    """What one side loses the other gains."""
    ones = torch.ones(2, 2000, dtype=torch.float64)
    y = tremolo(ones, RATE, rate_hz=4.0, depth=1.0, stereo_phase=0.5)
    torch.testing.assert_close(y.sum(0), ones[0], rtol=0, atol=1e-12)
    assert y.amin() < 1e-9 and y.amax() > 1 - 1e-9


def test_the_sine_does_not_drift_in_single_precision():
    """After 375,156 periods, of which float32 would know the last to 1/32, it is in step."""
    time, rate_hz = 1_000_000, 3001.25
    y = tremolo(torch.ones(1, time), RATE, rate_hz=rate_hz, depth=1.0)
    expected = 0.5 + 0.5 * sine(rate_hz, 0.0, time)
    assert np.abs(y[0].numpy() - expected).max() < 1e-6


# Chorus


@pytest.mark.parametrize("voices", [1, 3])
def test_chorus_equals_a_written_out_loop(voices):
    x, time = randn(2, 400), 400
    y = chorus(
        x, RATE, rate_hz=9.0, depth_ms=3.0, delay_ms=1.3, mix=0.4, phase=0.1, stereo_phase=0.3,
        voices=voices,
    )  # fmt: skip
    for channel in range(2):
        line, wet = x[channel].numpy(), np.zeros(time)
        for voice in range(voices):
            swing = sine(9.0, 0.1 + 0.3 * channel + voice / voices, time)
            samples = RATE / 1000 * (1.3 + 3.0 * (1 + swing) / 2)
            wet += [reading(line, n, samples[n]) / voices for n in range(time)]
        np.testing.assert_allclose(y[channel], 0.6 * line + 0.4 * wet, rtol=0, atol=1e-9)


def test_a_chorus_bends_pitch_as_a_moving_source_does():
    """A delay that grows by d' seconds a second lowers a tone to (1 - d') times its pitch."""
    rate, tone_hz, rate_hz, depth_ms = 48_000, 300.0, 2.0, 4.0
    t = torch.arange(rate, dtype=torch.float64) / rate
    x = torch.sin(2 * math.pi * tone_hz * t)[None]
    y = chorus(x, rate, rate_hz=rate_hz, depth_ms=depth_ms, delay_ms=5.0, mix=1.0, voices=1)
    pitch = np.diff(np.unwrap(np.angle(scipy.signal.hilbert(y[0].numpy())))) * rate / (2 * np.pi)
    slope = depth_ms / 1000 / 2 * 2 * np.pi * rate_hz * np.cos(2 * np.pi * rate_hz * t.numpy())
    middle = slice(rate // 4, 3 * rate // 4)
    np.testing.assert_allclose(pitch[middle], (tone_hz * (1 - slope))[middle], rtol=2e-3)
    assert pitch[middle].max() == pytest.approx(tone_hz * (1 + np.pi * 0.004 * 2), rel=1e-3)


def test_a_chorus_that_stands_still_is_an_echo():
    x = randn(2, 200)
    y = chorus(x, RATE, rate_hz=0.0, depth_ms=0.0, delay_ms=5.0, mix=1.0, voices=4)
    torch.testing.assert_close(y[:, 40:], x[:, :-40], rtol=0, atol=1e-12)
    assert not y[:, :40].any()


# Flanger


@pytest.mark.parametrize("feedback", [0.0, 0.8, -0.8])
def test_flanger_equals_a_written_out_loop(feedback):
    x, time = randn(2, 400), 400
    y = flanger(
        x, RATE, rate_hz=9.0, depth_ms=2.0, delay_ms=0.2, feedback=feedback, mix=0.4, phase=0.1,
        stereo_phase=0.3,
    )  # fmt: skip
    for channel in range(2):
        samples = RATE / 1000 * (0.2 + (1 + sine(9.0, 0.1 + 0.3 * channel, time)))
        dry = x[channel].numpy()
        line, wet = dry.copy(), np.zeros(time)
        for n in range(time):
            line[n] += feedback * reading(line, n, samples[n], newest=1)
            wet[n] = reading(line, n, samples[n])
        np.testing.assert_allclose(y[channel], 0.6 * dry + 0.4 * wet, rtol=0, atol=1e-9)


@pytest.mark.parametrize("feedback", [0.0, 0.5, -0.5])
def test_a_flanger_that_stands_still_is_a_comb(feedback):
    """A delay of 2 ms: hills at 0, 500, 1000 … Hz, and half way between them notches."""
    freq, level = response(flanger, depth_ms=0.0, delay_ms=2.0, feedback=feedback)
    turned = np.exp(-2j * np.pi * freq * 0.002)
    expected = np.abs(0.5 + 0.5 * turned / (1 - feedback * turned))
    np.testing.assert_allclose(level, expected, rtol=0, atol=1e-9)
    notches = scipy.signal.argrelmin(level)[0]
    np.testing.assert_allclose(freq[notches], 500 * np.arange(8) + 250)
    depth = 0.5 - 0.5 / (1 + feedback)
    np.testing.assert_allclose(level[notches], abs(depth), rtol=0, atol=1e-9)


# Phaser


@pytest.mark.parametrize("stages", [2, 6])
@pytest.mark.parametrize("feedback", [0.0, 0.9, -0.9])
def test_phaser_equals_a_written_out_loop(stages, feedback):
    x, time = randn(2, 600), 600
    y = phaser(
        x, RATE, rate_hz=20.0, depth_octaves=1.5, centre_freq_hz=900.0, feedback=feedback, mix=0.4,
        phase=0.1, stereo_phase=0.3, stages=stages,
    )  # fmt: skip
    for channel in range(2):
        freq_hz = 900 * 2 ** (1.5 * sine(20.0, 0.1 + 0.3 * channel, time))
        tangent = np.tan(np.pi * freq_hz / RATE)
        a = (tangent - 1) / (tangent + 1)
        dry, wet, last = x[channel].numpy(), np.zeros(time), np.zeros(stages + 1)
        for n in range(time):
            now = [dry[n] + feedback * last[stages]]
            for i in range(stages):
                now.append(a[n] * now[i] + last[i] - a[n] * last[i + 1])
            wet[n], last = now[stages], now
        np.testing.assert_allclose(y[channel], 0.6 * dry + 0.4 * wet, rtol=0, atol=1e-9)


@pytest.mark.parametrize("stages", [2, 4, 8, 12])
def test_a_phaser_that_stands_still_has_a_notch_for_every_two_stages(stages):
    """Where the cascade has turned by an odd number of half turns it cancels the dry sound.

    A stage turns f by 2 atan(tan(pi f / rate) / tan(pi centre / rate)).
    """
    freq, level = response(
        phaser, depth_octaves=0.0, centre_freq_hz=1000.0, feedback=0.0, stages=stages
    )
    odd = np.arange(1, stages, 2)
    turn = np.tan(np.pi * 1000 / RATE) * np.tan(np.pi / 2 * odd / stages)
    expected = RATE / np.pi * np.arctan(turn)
    notches = scipy.signal.argrelmin(level)[0]
    assert len(notches) == stages // 2
    np.testing.assert_allclose(freq[notches], expected, rtol=0, atol=freq[1])
    assert level[notches].max() < 2e-2 < 0.99 < level.max()


@pytest.mark.parametrize("feedback", [0.0, 0.6, -0.6])
def test_a_phaser_that_stands_still_equals_scipy(feedback):
    freq, level = response(
        phaser, depth_octaves=0.0, centre_freq_hz=1000.0, feedback=feedback, mix=0.3
    )
    b, a = scipy.signal.butter(1, 1000, fs=RATE)  # a low-pass: the all-pass is twice it less one
    _, low = scipy.signal.freqz(b, a, worN=freq, fs=RATE)
    cascade = (2 * low - 1) ** 4
    loop = cascade / (1 - feedback * np.exp(-2j * np.pi * freq / RATE) * cascade)
    np.testing.assert_allclose(level, np.abs(0.7 + 0.3 * loop), rtol=0, atol=1e-9)


# All


@pytest.mark.parametrize(
    "effect, settings",
    [
        (chorus, {"depth_ms": 2.0}),
        (flanger, {"depth_ms": 2.0}),
        (phaser, {"depth_octaves": 1.0}),
        (tremolo, {"depth": 1.0}),
    ],
)
def test_channels_are_a_stereo_phase_apart(effect, settings):
    """A channel sounds as one alone whose sine starts that much later in its period."""
    x = randn(3, 500)
    y = effect(x, RATE, rate_hz=5.0, phase=0.1, stereo_phase=0.3, **settings)
    for channel in range(3):
        alone = x[channel : channel + 1]
        alone = effect(alone, RATE, rate_hz=5.0, phase=0.1 + 0.3 * channel, **settings)
        torch.testing.assert_close(y[channel], alone[0], rtol=1e-9, atol=1e-9)


def test_errors():
    x = torch.randn(2, 100)
    with pytest.raises(ValueError, match="rate_hz: expected at least 0, got -1"):
        tremolo(x, RATE, rate_hz=-1.0, depth=0.5)
    with pytest.raises(ValueError, match=r"voices: expected one of 1, 2, .*got 0"):
        chorus(x, RATE, rate_hz=1.0, depth_ms=1.0, voices=0)
    with pytest.raises(ValueError, match=r"delay_ms: expected at least 0.125 .*got 0.1"):
        flanger(x, RATE, rate_hz=1.0, depth_ms=1.0, delay_ms=0.1)
    with pytest.raises(ValueError, match="feedback: expected above -1 and below 1, got -1"):
        flanger(x, RATE, rate_hz=1.0, depth_ms=1.0, feedback=-1.0)
    with pytest.raises(ValueError, match=r"stages: expected one of 2, 4, .*got 3"):
        phaser(x, RATE, rate_hz=1.0, depth_octaves=1.0, stages=3)
    with pytest.raises(ValueError, match=r"centre_freq_hz \* 2\^depth_octaves: .*Nyquist.*4800"):
        phaser(x, RATE, rate_hz=1.0, depth_octaves=1.0, centre_freq_hz=2400.0)
