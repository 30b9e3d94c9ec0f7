import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.functional import limiter
from dasp.functional.limiter import limited_once
from dasp.processors.catalogue import LIMITER
from dasp.signal.true_peak import peaks_between

RATE = 44_100


def nasty(kind, seed, time=3000):
    """Signals that are hard to limit, with peaks up to 60 dB over full scale."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, time, generator=random, dtype=torch.float64)
    n = torch.arange(time)
    drive = 10 ** (3 * torch.rand(1, generator=random, dtype=torch.float64))
    match kind:
        case "noise":
            return noise * drive
        case "heavy tails":
            return noise**5 * drive
        case "square":
            return torch.sign(torch.sin(n * drive / 300 + noise[:, :1])) * drive
        case "alternating":
            return (1 - 2.0 * (n % 2)) * drive * noise.abs()
        case "impulses":
            return noise * drive * (noise.abs() > 2.5)
        case "steps":
            return noise[:, n // 97] * drive
        case "bits":
            return torch.sign(noise) * drive


KINDS = ["noise", "heavy tails", "square", "alternating", "impulses", "steps", "bits"]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 10_000),
    dtype=st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16]),
    ceiling_db=st.floats(-40.0, 0.0),
    release_ms=st.floats(1.0, 1000.0),
    lookahead_ms=st.one_of(st.just(0.0), st.floats(0.1, 20.0)),
    gain_db=st.sampled_from([0.0, -20.0, 40.0]),
    true_peak=st.booleans(),
    linked=st.booleans(),
)
def test_no_sample_exceeds_the_ceiling(kind, seed, dtype, ceiling_db, gain_db, **rest):
    x = nasty(kind, seed).clamp(-6e4, 6e4).to(dtype)
    y = limiter(x, RATE, ceiling_db=ceiling_db, gain_db=gain_db, **rest)
    assert y.dtype is dtype and y.isfinite().all()
    # The ceiling is rounded to the type of x. Before that its exponent was rounded in the working
    # type, which moves the amplitude by ln(10) |dB| / 20 roundings.
    working = dtype if dtype.itemsize > 2 else torch.float32
    exponent = math.log(10) * abs(ceiling_db) / 20 * torch.finfo(working).eps
    allowed = 10 ** (ceiling_db / 20) * (1 + torch.finfo(dtype).eps + exponent)
    assert float(y.abs().max()) <= allowed


def limiter_loop(x, ceiling_db, release_ms, lookahead, sample_rate):
    """Gain of every sample of one channel, from the definition."""
    time = len(x)
    excess = [max(20 * math.log10(max(abs(v), 1e-8)) - ceiling_db, 0.0) for v in x]
    p = math.exp(-1000 / (release_ms * sample_rate))
    held, state = {}, 0.0
    for n in range(-lookahead, time):
        needed = max(excess[i] for i in range(max(n, 0), min(n + lookahead + 1, time)))
        state = max(needed, p * state + (1 - p) * needed)
        held[n] = state
    return np.array([
        10 ** (-np.mean([held[n - k] for k in range(lookahead + 1)]) / 20) for n in range(time)
    ])  # fmt: skip


@pytest.mark.parametrize("lookahead", [0, 1, 2, 7, 40, 1000])
def test_equals_a_written_out_loop(lookahead):
    x = nasty("noise", seed=3, time=600)
    options = {"ceiling_db": -3.0, "release_ms": 4.0, "lookahead_ms": lookahead / 8}
    apart = limiter(x, 8000, **options, linked=False)
    for channel in (0, 1):
        gains = limiter_loop(x[channel].tolist(), -3.0, 4.0, lookahead, 8000)
        np.testing.assert_allclose(apart[channel], x[channel].numpy() * gains, rtol=1e-9)
    loudest = limiter_loop(x.abs().amax(0).tolist(), -3.0, 4.0, lookahead, 8000)
    np.testing.assert_allclose(limiter(x, 8000, **options), x.numpy() * loudest, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("true_peak", [False, True])
def test_what_does_not_exceed_passes_to_the_last_bit(dtype, true_peak):
    x = torch.rand(2, 5000).to(dtype) - 0.5
    y = limiter(x, RATE, ceiling_db=0.0, release_ms=50.0, true_peak=true_peak)
    assert torch.equal(y, x)


def test_the_first_pass_alone_is_as_loud():
    draw = torch.Generator().manual_seed(0)
    x = 0.3 * torch.randn(2, 2 * RATE, generator=draw)
    settings = {"ceiling_db": -3.0, "release_ms": 100.0, "lookahead_ms": 5.0}
    once = limited_once(x, peaks_between(x), RATE, **settings)
    whole = limiter(x, RATE, true_peak=True, **settings)
    before, first, all_of_them = (measure_loudness(y, RATE).item() for y in (x, once, whole))
    assert all_of_them < before - 0.5
    assert first == pytest.approx(all_of_them, abs=0.005)


def test_a_peak_alone_reaches_the_ceiling_and_its_gain_is_a_ramp_before_it():
    """From the look-ahead on the reduction falls in a straight line of dB, and is there in time."""
    x = torch.full((1, 2000), 0.1, dtype=torch.float64)
    x[0, 1000] = 4.0
    y = limiter(x, 48_000, ceiling_db=-2.0, release_ms=50.0, lookahead_ms=2.0)
    gain_db = 20 * torch.log10(y / x)[0]
    depth = 20 * math.log10(4.0) + 2.0
    assert y[0, 1000].item() == pytest.approx(10 ** (-2 / 20), rel=1e-12)
    assert gain_db[: 1000 - 96].abs().max() < 1e-9
    ramp = -depth * torch.arange(1, 98, dtype=torch.float64) / 97
    torch.testing.assert_close(gain_db[1000 - 96 : 1001], ramp)


def test_release_covers_63_percent_in_its_time():
    x = torch.full((1, 48_000), 0.1, dtype=torch.float64)
    x[0, :10_000] = 10.0
    y = limiter(x, 48_000, ceiling_db=0.0, release_ms=100.0, lookahead_ms=0.0)
    gain_db = 20 * torch.log10(y / x)[0]
    assert gain_db[9_999 + 4800].item() == pytest.approx(-20 * math.exp(-1), rel=1e-9)


def test_the_audio_is_not_delayed():
    x = torch.zeros(1, 4000)
    x[0, [500, 900, 901, 3000]] = torch.tensor([3.0, -0.2, 8.0, -1.0])
    for true_peak in (False, True):
        y = limiter(x, RATE, ceiling_db=-1.0, release_ms=50.0, true_peak=true_peak)
        assert torch.equal(y.sign(), x.sign())


@pytest.mark.parametrize("kind", ["noise", "alternating"])
@pytest.mark.parametrize("true_peak", [False, True])
def test_linked_channels_share_one_gain(kind, true_peak):
    """Also at Nyquist, which oversampling does not hear; nothing is left to be clipped."""
    x = nasty(kind, seed=1)[:1] * torch.tensor([[1.0], [0.01]], dtype=torch.float64)
    y = limiter(x, RATE, ceiling_db=-1.0, release_ms=50.0, true_peak=true_peak)
    assert (y / x).min() < 0.5
    torch.testing.assert_close((y / x)[0], (y / x)[1])


def test_between_the_samples_a_sine_of_a_quarter_of_the_rate():
    """Sampled off its crests it is 3 dB louder than its samples, which only `true_peak` sees."""
    n = torch.arange(20_000, dtype=torch.float64)
    x = torch.sin(torch.pi * (n / 2 + 1 / 4))[None] * torch.hann_window(20_000).double()
    settings = {"ceiling_db": -1.0, "release_ms": 50.0}
    by_sample = limiter(x, RATE, **settings)
    assert torch.equal(by_sample, x)
    by_true_peak = limiter(x, RATE, **settings, true_peak=True)
    assert measure_true_peak(by_sample, RATE).item() == pytest.approx(0.0, abs=0.01)
    assert measure_true_peak(by_true_peak, RATE).item() == pytest.approx(-1.0, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "rate, lookahead_ms, release_ms",
    [(RATE, 0.1, 50.0), (RATE, 1.0, 50.0), (RATE, 5.0, 1000.0), (RATE, 20.0, 50.0),
     (8000, 0.0, 1.0), (8000, 0.1, 50.0), (16_000, 0.2, 1.0), (96_000, 0.1, 1.0)],
)  # fmt: skip
@pytest.mark.parametrize("linked", [True, False])
def test_the_true_peak_stays_below_the_ceiling(kind, rate, lookahead_ms, release_ms, linked):
    x = torch.cat([nasty(kind, seed, time=5000) for seed in range(3)], -1)
    y = limiter(
        x, rate, ceiling_db=-1.0, release_ms=release_ms, lookahead_ms=lookahead_ms,
        true_peak=True, linked=linked,
    )  # fmt: skip
    assert measure_true_peak(y, rate).max() < -1.0 + 0.05


@pytest.mark.parametrize("share", [0.3, 0.8, 0.9, 0.95, 0.97])
def test_the_continuous_sine_stays_below_the_ceiling(share):
    """Up to Nyquist, wherever it is sampled: its amplitude, not what a meter says."""
    n = torch.arange(30_000, dtype=torch.float64)
    x = 4 * torch.sin(torch.pi * share * n)[None] * torch.hann_window(30_000).double()
    y = limiter(x, RATE, ceiling_db=-1.0, release_ms=200.0, true_peak=True)
    spectrum = torch.fft.rfft(torch.nn.functional.pad(y, (5000, 5000)))
    fine = 16 * torch.fft.irfft(spectrum, 16 * 40_000)
    assert 20 * torch.log10(fine.abs().max()) < -1.0 + 0.03


@pytest.mark.parametrize("linked", [True, False])
def test_gradients_with_true_peak(linked):
    x = 0.5 * torch.randn(2, 20, dtype=torch.float64)
    values = [torch.tensor(v, dtype=torch.float64) for v in (-6.0, 20.0, 3.0)]

    def limited(x, ceiling_db, release_ms, gain_db):
        return limiter(
            x, 8000, ceiling_db=ceiling_db, release_ms=release_ms, gain_db=gain_db,
            lookahead_ms=1.0, true_peak=True, linked=linked,
        )  # fmt: skip

    assert gradcheck(limited, [t.requires_grad_() for t in (x, *values)])


def test_true_peak_under_vmap_and_compile():
    x = torch.randn(3, 2, 200, dtype=torch.float64)

    def limited(x):
        return LIMITER(x, 8000, ceiling_db=-6.0, true_peak=True)

    expected = limited(x)
    torch.testing.assert_close(torch.func.vmap(limited)(x), expected)
    compiled = torch.compile(limited, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), expected)
