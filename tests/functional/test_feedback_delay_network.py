"""Feedback delay network: against a loop over samples, and by the decay that is measured."""

import math

import pytest
import scipy.signal
import torch

from dasp.functional import feedback_delay_network
from dasp.functional.feedback_delay_network import hadamard, line_lengths, run_lines
from dasp.signal import backends
from dasp.signal.iir import cascade, sections_of
from tests.functional.reverberation import impulse, measured_rt60_s

EVEN = {"rt60_low_s": 1.0, "rt60_mid_s": 1.0, "rt60_high_s": 1.0, "mix": 1.0}


def shelf(freq_hz, gain_db, rate, sign):
    """The RBJ shelf of slope 1, low (+1) or high (-1), as SciPy's b and a."""
    root, w = 10 ** (gain_db / 40), 2 * math.pi * freq_hz / rate
    cos, slope = sign * math.cos(w), math.sqrt(2 * root) * math.sin(w)
    up, down = root + 1, root - 1
    b = [root * (up - down * cos + slope), 2 * sign * root * (down - up * cos),
         root * (up - down * cos - slope)]  # fmt: skip
    a = [up + down * cos + slope, -2 * sign * (down + up * cos), up + down * cos - slope]
    return torch.tensor([*b, *a], dtype=torch.float64) / a[0]


def loop_over_samples(x, rate, lengths, matrix, low_s, mid_s, high_s, low_hz, high_hz):
    """One sample after the other: read every line, filter it, mix, write."""
    lines, filters = len(lengths), []
    for m in lengths:
        low_db, mid_db, high_db = (-60 * m / (t * rate) for t in (low_s, mid_s, high_s))
        low = shelf(low_hz, low_db - mid_db, rate, 1)
        low[:3] *= 10 ** (mid_db / 20)
        filters.append(torch.stack((low, shelf(high_hz, high_db - mid_db, rate, -1))).numpy())
    states = [0 * scipy.signal.sosfilt_zi(f) for f in filters]
    written = torch.zeros(lines, max(lengths) + x.shape[-1], dtype=torch.float64)
    wet = torch.zeros_like(x)
    for n in range(x.shape[-1]):
        now = n + max(lengths)
        y = torch.zeros(lines, dtype=torch.float64)
        for i, m in enumerate(lengths):
            out, states[i] = scipy.signal.sosfilt(
                filters[i], [written[i, now - m].item()], zi=states[i]
            )
            y[i] = out[0]
        written[:, now] = x[0, n] * matrix[1] + x[1, n] * matrix[2] + matrix @ y
        wet[0, n], wet[1, n] = matrix[4] @ y, matrix[5] @ y
    lost = 1 - 10 ** (-6 * sum(lengths) / lines / (rate * mid_s))
    return math.sqrt(lines * lost) * wet


@pytest.mark.parametrize(("rate", "size"), [(8000, 0.1), (8000, 0.6)])
def test_equals_a_loop_over_samples(rate, size):
    """With lines shorter and longer than the blocks in which the filters run."""
    x = torch.randn(2, 600, dtype=torch.float64)
    matrix = torch.from_numpy(scipy.linalg.hadamard(8) / math.sqrt(8))
    times = {"rt60_low_s": 0.4, "rt60_mid_s": 0.2, "rt60_high_s": 0.05}
    y = feedback_delay_network(
        x, rate, **times, mix=1.0, high_crossover_hz=2000.0, lines=8, size=size
    )
    lengths = line_lengths(8, rate * size)
    expected = loop_over_samples(x, rate, lengths, matrix, *times.values(), 200.0, 2000.0)
    torch.testing.assert_close(y, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("lines", "size"), [(8, 0.1), (16, 0.6), (16, 0.02)])
def test_compiled_equals_the_torch_operations_in_value_and_gradient(
    channels, lines, size, monkeypatch
):
    """With lines longer than a tile, shorter, and shorter than a vector."""
    x = torch.randn(3, channels, 1203, dtype=torch.float64)
    cotangent = torch.randn_like(x)
    settings = [(0.4, 0.6, 8.0), (0.2, 0.3, 8.0), (0.05, 0.2, 8.0), (0.5, 1.0, 0.0)]
    results = []
    for has_numba in (True, False):
        monkeypatch.setattr(backends, "HAS_NUMBA", has_numba)
        leaves = [x.clone(), *(torch.tensor(values, dtype=x.dtype) for values in settings)]
        names = "rt60_low_s", "rt60_mid_s", "rt60_high_s", "mix"
        leaves = [leaf.requires_grad_() for leaf in leaves]
        named = dict(zip(names, leaves[1:], strict=True))
        room = {"high_crossover_hz": 2000.0, "lines": lines, "size": size}
        y = feedback_delay_network(leaves[0], 8000, **named, **room)
        with torch.no_grad():
            torch.testing.assert_close(
                feedback_delay_network(leaves[0], 8000, **named, **room), y, rtol=0, atol=0
            )
        results.append([y.detach(), *torch.autograd.grad(y, leaves, cotangent)])
    for compiled, expected in zip(*results, strict=True):
        torch.testing.assert_close(compiled, expected, rtol=1e-9, atol=1e-9)


def test_single_precision_holds_at_a_high_rate_with_a_low_crossover():
    x = 0.1 * torch.randn(2, 100_000)
    room = {"rt60_low_s": 8.0, "rt60_mid_s": 0.3, "rt60_high_s": 2.0, "low_crossover_hz": 30.0}
    y, exact = (feedback_delay_network(x.to(t), 192_000, **room, mix=1.0) for t in
                (torch.float32, torch.float64))  # fmt: skip
    error_db = 20 * torch.log10((y - exact).norm() / exact.norm())
    assert error_db < -120


@pytest.mark.parametrize("lines", [8, 16])
def test_the_mixing_matrix_is_orthogonal(lines):
    matrix = hadamard(lines)
    identity = torch.eye(lines, dtype=torch.float64)
    torch.testing.assert_close(matrix @ matrix.mT, identity, rtol=0, atol=1e-15)


@pytest.mark.parametrize("lines", [8, 16])
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_no_two_lines_share_a_divisor(lines, rate):
    lengths = line_lengths(lines, rate)
    assert len(set(lengths)) == lines
    assert all(math.gcd(a, b) == 1 for a in lengths for b in lengths if a != b)
    assert lengths[0] == pytest.approx(0.020 * rate, rel=0.1)
    assert lengths[-1] == pytest.approx(0.070 * rate, rel=0.1)


def test_a_network_that_absorbs_nothing_keeps_its_energy():
    """What the lines hold, which is what they are about to give, stays the same for ever."""
    lengths = line_lengths(8, 8000)
    nothing = torch.tensor([[1.0, 0, 0, 1, 0, 0]], dtype=torch.float64).expand(8, 1, 6)
    drive = torch.zeros(8, 20_000, dtype=torch.float64)
    drive[:, :100] = torch.randn(8, 100)
    y, *_ = run_lines(drive, lengths, hadamard(8), cascade(sections_of(nothing)))
    held = [
        sum(line[now : now + m].square().sum() for line, m in zip(y, lengths, strict=True))
        for now in (100, 1000, 8000, 19_000)
    ]
    torch.testing.assert_close(torch.stack(held), held[0].expand(4), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("rate", "lines", "low_s", "mid_s", "high_s"),
    [
        (44_100, 16, 1.0, 1.0, 1.0),
        (48_000, 8, 3.0, 1.0, 0.3),
        (48_000, 16, 2.0, 1.5, 0.7),
        (44_100, 8, 0.5, 1.0, 2.0),
        (48_000, 16, 1.0, 4.0, 1.0),
        (44_100, 16, 2.0, 0.5, 2.0),
    ],
)
def test_each_band_decays_in_the_time_asked_for(rate, lines, low_s, mid_s, high_s):
    """Within 10 %, well inside of the bands, over rooms of several sizes."""
    x = impulse(2, int(0.9 * max(low_s, mid_s, high_s) * rate))
    h = torch.cat([
        feedback_delay_network(
            x, rate, rt60_low_s=low_s, rt60_mid_s=mid_s, rt60_high_s=high_s, mix=1.0, lines=lines,
            size=size,
        )
        for size in (0.7, 0.8, 0.9, 1.0, 1.15)
    ])  # fmt: skip
    assert measured_rt60_s(h, rate, 20, 80) == pytest.approx(low_s, rel=0.1)
    assert measured_rt60_s(h, rate, 600, 1400) == pytest.approx(mid_s, rel=0.1)
    assert measured_rt60_s(h, rate, 10_000, 20_000) == pytest.approx(high_s, rel=0.1)


@pytest.mark.parametrize("rt60_s", [0.5, 2.0, 8.0])
def test_a_network_is_as_loud_as_what_its_first_passage_leaves(rt60_s):
    """Which is all of it in a long reverb: noise comes out as loud as it went in."""
    h = feedback_delay_network(
        impulse(1, int(8000 * rt60_s)), 8000, rt60_low_s=rt60_s, rt60_mid_s=rt60_s,
        rt60_high_s=rt60_s, mix=1.0, high_crossover_hz=3000.0,
    )  # fmt: skip
    passage_s = sum(line_lengths(16, 8000)) / 16 / 8000
    left_db = -60 * passage_s / rt60_s
    assert 10 * h.square().sum().log10() == pytest.approx(left_db, abs=1)


def test_the_two_sides_are_uncorrelated():
    h = feedback_delay_network(impulse(2, 48_000), 48_000, **EVEN)
    assert torch.corrcoef(h)[0, 1].abs() < 0.1
    only_left = impulse(2, 48_000) * torch.tensor([[1.0], [0.0]])
    h = feedback_delay_network(only_left, 48_000, **EVEN)
    assert torch.corrcoef(h)[0, 1].abs() < 0.1
    assert h[1].norm().item() == pytest.approx(h[0].norm().item(), rel=0.1)  # it surrounds


def test_silence_before_the_pre_delay_and_the_shortest_line():
    h = feedback_delay_network(impulse(1, 9000), 48_000, **EVEN, pre_delay_ms=50.0)
    first = 2400 + line_lengths(16, 48_000)[0]
    assert (h[:, :first] == 0).all()
    assert h[0, first].abs() > 1e-3


def test_more_channels_than_two():
    with pytest.raises(ValueError, match="x: expected 1 or 2 channels, got 3"):
        feedback_delay_network(torch.zeros(3, 100), 48_000, **EVEN)


def test_a_crossover_over_nyquist():
    with pytest.raises(ValueError, match=r"high_crossover_hz: expected .*Nyquist at 8000 Hz"):
        feedback_delay_network(torch.zeros(2, 100), 8000, **EVEN)


def test_crossovers_that_have_changed_places():
    with pytest.raises(ValueError, match=r"high_crossover_hz - low_crossover_hz: .*got -100"):
        feedback_delay_network(
            torch.zeros(2, 100), 48_000, **EVEN, low_crossover_hz=900.0, high_crossover_hz=800.0
        )


def test_it_decays_where_the_crossovers_meet_and_the_middle_is_short():
    """Both shelves lift a hundred times and more, and still no line gives more than it gets."""
    h = feedback_delay_network(
        impulse(2, 40_000), 8000, rt60_low_s=5.0, rt60_mid_s=0.1, rt60_high_s=5.0, mix=1.0,
        low_crossover_hz=1000.0, high_crossover_hz=1000.0,
    )  # fmt: skip
    assert measured_rt60_s(h, 8000) == pytest.approx(5.0, rel=0.1)
