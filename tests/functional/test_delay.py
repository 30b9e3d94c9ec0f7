import math

import numpy as np
import pytest
import torch

from dasp.functional import delay

RATE = 48_000


def randn(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def impulse(channel=0, channels=1, time=100):
    x = torch.zeros(channels, time, dtype=torch.float64)
    x[channel, 0] = 1.0
    return x


def ms(samples):
    return 1000 * samples / RATE


def reading(line, n, samples, newest=0):
    """The value of a line `samples` before n, on the cubic through four samples around it.

    `newest` is how long ago the line was last written; before 0 it is silent.
    """
    first = max(math.floor(samples) - 1, newest)
    points = range(first, first + 4)
    return sum(
        math.prod((samples - q) / (p - q) for q in points if q != p) * line[n - p]
        for p in points
        if p <= n
    )


def loop(x, samples, feedback):
    """One line: what goes in comes out `samples` later, and a share of it goes in again."""
    line, wet = x.copy(), np.zeros_like(x)
    for n in range(len(x)):
        line[n] += feedback * reading(line, n, samples, newest=1)
        wet[n] = reading(line, n, samples)
    return wet


def ping_pong_loop(x, samples, feedback):
    """Two lines that feed each other; the mean of left and right goes into the left one."""
    mid = x.mean(0)
    lines, wet = np.stack((mid, 0 * mid)), np.zeros_like(x)
    for n in range(x.shape[1]):
        late = [reading(line, n, samples, newest=1) for line in lines]
        lines[0, n] += feedback * late[1]
        lines[1, n] += feedback * late[0]
        wet[:, n] = [reading(line, n, samples) for line in lines]
    return wet


@pytest.mark.parametrize("samples", [1, 2, 7, 50, 99])
@pytest.mark.parametrize("feedback", [0.0, 0.7])
def test_echo_k_comes_at_k_times_the_delay(samples, feedback):
    y = delay(impulse(), RATE, time_ms=ms(samples), feedback=feedback, mix=1.0)
    expected = torch.zeros(1, 100, dtype=torch.float64)
    for k in range(1, 99 // samples + 1):
        expected[0, k * samples] = feedback ** (k - 1)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("samples", [1.3, 2.6, 10.5, 37.01])
def test_fractional_echoes_equal_a_written_out_loop(samples):
    x = randn(2, 300)
    y = delay(x, RATE, time_ms=ms(samples), feedback=0.8, mix=1.0)
    for channel in range(2):
        expected = loop(x[channel].numpy(), samples, 0.8)
        np.testing.assert_allclose(y[channel], expected, rtol=0, atol=1e-9)


def test_a_sine_comes_back_half_a_sample_later():
    """Echoes fall between samples: what no delay by whole samples could give."""
    n = torch.arange(2000, dtype=torch.float64)
    omega = 2 * math.pi * 500 / RATE
    y = delay(torch.sin(omega * n)[None], RATE, time_ms=ms(100.5), feedback=0.0, mix=1.0)
    torch.testing.assert_close(
        y[0, 200:], torch.sin(omega * (n - 100.5))[200:], rtol=0, atol=omega**4
    )


@pytest.mark.parametrize("samples", [100, 101.7, 10**9])
@pytest.mark.parametrize("ping_pong", [False, True])
def test_a_delay_longer_than_the_signal_leaves_the_dry_sound(samples, ping_pong):
    x = randn(2, 100)
    y = delay(x, RATE, time_ms=ms(samples), feedback=0.9, mix=0.25, ping_pong=ping_pong)
    torch.testing.assert_close(y, 0.75 * x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("channel", [0, 1])
def test_ping_pong_starts_on_the_left_and_alternates(channel):
    """A sound on either side counts half, as in mono."""
    x = impulse(channel, channels=2)
    y = delay(x, RATE, time_ms=ms(20), feedback=0.6, mix=1.0, ping_pong=True)
    expected = torch.zeros(2, 100, dtype=torch.float64)
    for k in (1, 2, 3, 4):
        expected[(k - 1) % 2, 20 * k] = 0.5 * 0.6 ** (k - 1)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)


def test_ping_pong_equals_a_written_out_loop():
    x = randn(2, 300)
    y = delay(x, RATE, time_ms=ms(17.3), feedback=0.9, mix=1.0, ping_pong=True)
    np.testing.assert_allclose(y, ping_pong_loop(x.numpy(), 17.3, 0.9), rtol=0, atol=1e-9)


def test_mix_is_between_dry_and_wet():
    x = randn(2, 100)
    wet = delay(x, RATE, time_ms=ms(9), feedback=0.5, mix=1.0)
    y = delay(x, RATE, time_ms=ms(9), feedback=0.5, mix=0.25)
    torch.testing.assert_close(y, 0.75 * x + 0.25 * wet)


def test_the_slope_in_time_is_that_of_the_delayed_sound():
    """d/dD x(n - D) = -x'(n - D): of a parabola, exactly -2 (n - D)."""
    x = torch.arange(50, dtype=torch.float64)[None] ** 2
    samples, one = torch.tensor([10.4, 1.0], dtype=torch.float64)
    _, slope = torch.func.jvp(
        lambda d: delay(x, RATE, time_ms=ms(d), feedback=0.0, mix=1.0), (samples,), (one,)
    )
    expected = -2 * (torch.arange(50).double() - 10.4)
    torch.testing.assert_close(slope[0, 15:], expected[15:], rtol=1e-9, atol=0)


@pytest.mark.parametrize("rate", [11_025, 44_100, 48_000])
def test_one_sample_is_long_enough_in_single_precision(rate):
    y = delay(torch.eye(1, 3), rate, time_ms=1000 / rate, feedback=0.5, mix=1.0)
    torch.testing.assert_close(y, torch.tensor([[0.0, 1.0, 0.5]]), rtol=0, atol=1e-5)


def test_errors():
    x = torch.randn(1, 100)
    with pytest.raises(ValueError, match=r"time_ms: .*at least 0.125 \(one sample at 8000 Hz"):
        delay(x, 8000, time_ms=0.1, feedback=0.0, mix=0.5)
    with pytest.raises(ValueError, match="feedback: expected at least 0 and below 1, got 1"):
        delay(x, RATE, time_ms=10.0, feedback=1.0, mix=0.5)
    with pytest.raises(ValueError, match="mix: expected at least 0 and at most 1, got 2"):
        delay(x, RATE, time_ms=10.0, feedback=0.0, mix=2.0)
    with pytest.raises(ValueError, match="x: expected 2 channels, got 1"):
        delay(x, RATE, time_ms=10.0, feedback=0.0, mix=0.5, ping_pong=True)
    with pytest.raises(ValueError, match="ping_pong: expected one of True, False, got 'yes'"):
        delay(x, RATE, time_ms=10.0, feedback=0.0, mix=0.5, ping_pong="yes")
