"""Dattorro's plate: against a loop over samples written from his figure and tables."""

import math

import pytest
import torch

from dasp.functional import plate_reverb
from dasp.functional.plate_reverb import LONGER_AT_REST, ROUND_S, plate_decay
from tests.functional.reverberation import impulse, measured_rt60_s

OPEN = {"damping_hz": 1e6, "bandwidth_hz": 1e6}


class Line:
    """A delay line that is read before it is written: `read(1)` is the sample written last."""

    def __init__(self):
        self.samples = [0.0] * 4000

    def write(self, sample):
        self.samples.append(sample)

    def read(self, delay):
        """At a whole delay, or between the four samples around it by Lagrange's polynomial."""
        whole = math.floor(delay)
        if whole == delay:
            return self.samples[-whole]
        nodes = range(whole - 1, whole + 3)
        return sum(
            self.samples[-k] * math.prod((delay - j) / (k - j) for j in nodes if j != k)
            for k in nodes
        )


class AllPass(Line):
    def __call__(self, x, delay, gain):
        late = self.read(delay)
        self.write(x - gain * late)
        return late + gain * self.samples[-1]


def loop_over_samples(
    x, rate, decay, damping_hz, bandwidth_hz, diffusion, modulation_ms, modulation_hz
):
    """The left and the right output, one sample after the other."""

    def scaled(length):
        return round(length * rate / 29_761)

    bandwidth_pole, damping_pole = (
        math.exp(-2 * math.pi * f / rate) for f in (bandwidth_hz, damping_hz)
    )
    diffusers = [AllPass() for _ in range(4)]
    ap1a, d1a, ap2a, d2a, ap1b, d1b, ap2b, d2b = (
        kind() for kind in (AllPass, Line, AllPass, Line) * 2
    )
    low = damped_a = damped_b = 0.0
    outputs = []
    for n, sample in enumerate(x.mean(0).tolist()):
        low = (1 - bandwidth_pole) * sample + bandwidth_pole * low
        signal = low
        for diffuser, length, gain in zip(
            diffusers, (142, 107, 379, 277), (0.75, 0.75, 0.625, 0.625), strict=True
        ):
            signal = diffuser(signal, scaled(length), diffusion * gain)

        phase = 2 * math.pi * modulation_hz * n / rate
        depth = modulation_ms * rate / 1000
        into_a = signal + decay * d2b.read(scaled(3163))
        into_b = signal + decay * d2a.read(scaled(3720))
        swung_a = ap1a(into_a, scaled(672) + depth * math.sin(phase), -0.70)
        swung_b = ap1b(into_b, scaled(908) + depth * math.cos(phase), -0.70)
        damped_a = (1 - damping_pole) * d1a.read(scaled(4453)) + damping_pole * damped_a
        damped_b = (1 - damping_pole) * d1b.read(scaled(4217)) + damping_pole * damped_b
        end_a = ap2a(decay * damped_a, scaled(1800), 0.50)
        end_b = ap2b(decay * damped_b, scaled(2656), 0.50)
        for line, written in ((d1a, swung_a), (d1b, swung_b), (d2a, end_a), (d2b, end_b)):
            line.write(written)

        def tap(line, length):
            return line.read(scaled(length) + 1)

        left = (tap(d1b, 266) + tap(d1b, 2974) - tap(ap2b, 1913) + tap(d2b, 1996)
                - tap(d1a, 1990) - tap(ap2a, 187) - tap(d2a, 1066))  # fmt: skip
        right = (tap(d1a, 353) + tap(d1a, 3627) - tap(ap2a, 1228) + tap(d2a, 2673)
                 - tap(d1b, 2111) - tap(ap2b, 335) - tap(d2b, 121))  # fmt: skip
        outputs.append((0.6 * left, 0.6 * right))
    return torch.tensor(outputs, dtype=torch.float64).T


@pytest.mark.parametrize(
    "settings",
    [
        {"decay": 0.5, "diffusion": 1.0, "modulation_ms": 0.0, "modulation_hz": 1.0},
        {"decay": 0.9, "diffusion": 0.6, "modulation_ms": 0.7, "modulation_hz": 3.0},
    ],
)
def test_equals_a_loop_over_samples(settings):
    x = torch.randn(2, 5000, dtype=torch.float64)
    settings |= {"damping_hz": 2000.0, "bandwidth_hz": 3000.0}
    y = plate_reverb(x, 8000, **settings, mix=1.0)
    expected = loop_over_samples(x, 8000, **settings)
    torch.testing.assert_close(y, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "rate, rt60_s, modulation_ms",
    [
        (8000, 1.1, 0.0), (24_000, 2.0, 0.0), (8000, 4.0, 0.0), (8000, 20.0, 0.0),
        (48_000, 1.9, 0.25), (24_000, 3.0, 0.1), (8000, 5.0, 0.25), (8000, 20.0, 2.0),
    ],
)  # fmt: skip
def test_the_energy_decays_in_the_time_asked_for(rate, rt60_s, modulation_ms):
    """At rest as well, where what takes the longest round remains."""
    decay = plate_decay(rt60_s, modulation_ms=modulation_ms)
    h = plate_reverb(
        impulse(2, int(0.9 * rt60_s * rate)), rate, decay=decay, mix=1.0,
        modulation_ms=modulation_ms, **OPEN,
    )  # fmt: skip
    assert measured_rt60_s(h, rate, down_to_db=-35.0) == pytest.approx(rt60_s, rel=0.06)


def test_why_a_plate_at_rest_decays_longer():
    """At a frequency the energy to come falls by four gains in its own round, and the phases of
    the four all-passes are as good as independent: the mean of those falls."""
    draw = torch.Generator().manual_seed(0)
    phase = 2 * math.pi * torch.rand(20_000, 4, generator=draw, dtype=torch.float64)
    length = torch.tensor([672.0, 908.0, 1800.0, 2656.0], dtype=torch.float64)
    g = torch.tensor([0.7, 0.7, 0.5, 0.5], dtype=torch.float64)
    delay = length * (1 - g**2) / (1 + g**2 + 2 * g * torch.cos(phase))
    assert (delay.mean(0) / length).tolist() == pytest.approx([1.0] * 4, rel=0.03)
    round_s = (4453 + 4217 + 3720 + 3163 + delay.sum(-1)) / 29_761
    second = torch.linspace(0, 3, 400, dtype=torch.float64)
    to_come = torch.exp(8 * math.log(0.6) * second[:, None] / round_s).mean(-1)
    level_db = 10 * torch.log10(to_come)
    read = (level_db <= -5) & (level_db >= -35)
    second, level_db = second[read] - second[read].mean(), level_db[read]
    rt60_s = -60 / ((second * level_db).sum() / second.square().sum()).item()
    of_the_mean_s = -3 * ROUND_S / (4 * math.log10(0.6))
    assert rt60_s / of_the_mean_s == pytest.approx(LONGER_AT_REST, rel=0.03)


def test_damping_shortens_the_decay_of_high_frequencies():
    h = plate_reverb(impulse(2, 60_000), 24_000, decay=0.7, mix=1.0, damping_hz=4000.0)
    times = [measured_rt60_s(h, 24_000, f, 2 * f) for f in (125, 1000, 2000, 4000)]
    assert times == sorted(times, reverse=True)
    assert times[-1] < 0.7 * times[0]


def test_bandwidth_is_the_corner_of_the_input():
    """An octave and more above the corner the reverb has lost 6 dB an octave."""
    flat, dull = (
        torch.fft.rfft(plate_reverb(impulse(1, 24_000), 24_000, decay=0.2, mix=1.0, damping_hz=1e6,
                                    bandwidth_hz=hz, modulation_ms=0.0)).abs()
        for hz in (1e6, 500.0)
    )  # fmt: skip
    freq_hz = torch.arange(12_001.0, dtype=torch.float64)
    expected = 1 / torch.sqrt(1 + (freq_hz / 500) ** 2)
    torch.testing.assert_close((dull / flat)[0, 50:2000], expected[50:2000], rtol=0.03, atol=0)


def test_the_two_sides_are_uncorrelated_and_equally_loud():
    h = plate_reverb(impulse(2, 96_000), 48_000, decay=0.6, mix=1.0)
    assert torch.corrcoef(h)[0, 1].abs() < 0.05
    assert h[0].norm().item() == pytest.approx(h[1].norm().item(), rel=0.05)


def test_modulation_moves_the_tail_and_zero_stands_still():
    """Only a plate that stands still gives the same response at another time."""
    early, late = impulse(2, 30_000), impulse(2, 30_000).roll(9000, -1)
    for depth_ms, stands_still in ((0.0, True), (0.3, False)):
        settings = {"decay": 0.6, "mix": 1.0, "modulation_ms": depth_ms, "modulation_hz": 0.7}
        first = plate_reverb(early, 24_000, **settings)[:, :21_000]
        second = plate_reverb(late, 24_000, **settings)[:, 9000:]
        assert torch.allclose(first, second, rtol=0, atol=1e-10) is stands_still


def test_diffusion_fills_the_first_echoes():
    """The share of samples that are silent in the first 100 ms falls."""
    silent = [
        (plate_reverb(impulse(1, 4800), 48_000, decay=0.5, mix=1.0, diffusion=d, modulation_ms=0.0,
                      **OPEN) == 0).float().mean()
        for d in (0.0, 1.0)
    ]  # fmt: skip
    assert silent[0] > 0.95 > 0.8 > silent[1]


def test_silence_before_the_pre_delay_and_the_first_tap():
    h = plate_reverb(impulse(2, 9000), 48_000, decay=0.5, mix=1.0, pre_delay_ms=50.0)
    left, right = (2400 + round(tap * 48_000 / 29_761) for tap in (266, 353))
    assert (h[0, :left] == 0).all() and h[0, left] != 0
    assert (h[1, :right] == 0).all() and h[1, right] != 0


def test_mono_is_the_left_of_a_stereo_signal_with_equal_sides():
    x = torch.randn(1, 4000, dtype=torch.float64)
    settings = {"decay": 0.5, "mix": 0.5}
    stereo = plate_reverb(x.expand(2, -1), 24_000, **settings)
    torch.testing.assert_close(plate_reverb(x, 24_000, **settings), stereo[:1])


def test_more_channels_than_two():
    with pytest.raises(ValueError, match="x: expected 1 or 2 channels, got 3"):
        plate_reverb(torch.zeros(3, 100), 48_000, decay=0.5, mix=1.0)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_that_does_not_decay(decay):
    with pytest.raises(ValueError, match="decay: expected at least 0 and below 1"):
        plate_reverb(torch.zeros(2, 100), 48_000, decay=decay, mix=1.0)
