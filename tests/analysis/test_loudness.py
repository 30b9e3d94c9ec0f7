import math

import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch

from dasp.analysis.loudness import (
    design_k_weighting,
    measure_loudness,
    measure_loudness_range,
    measure_momentary_loudness,
    measure_short_term_loudness,
    measure_true_peak,
)
from dasp.signal.biquad import frequency_response


def load(path):
    audio, rate = soundfile.read(path, always_2d=True)
    return torch.from_numpy(audio.T.copy()), rate


def sine(level_db, seconds, rate=48_000, freq_hz=1000.0, channels=2):
    t = torch.arange(round(seconds * rate), dtype=torch.float64) / rate
    return 10 ** (level_db / 20) * torch.sin(2 * torch.pi * freq_hz * t).expand(channels, -1)


def pyloudnorm_lufs(x, rate):
    """pyloudnorm with the recommendation's filters (its default ones are an approximation).

    At rates other than 48 kHz it leaves the numerator of the high-pass at (1, -2, 1), and so the
    gain of its pass band depends on the rate; the recommendation asks for that of 48 kHz.
    """
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    high_pass = meter._filters["high_pass_DeMan"]
    at_48k = pyloudnorm.Meter(48_000, filter_class="DeMan")._filters["high_pass_DeMan"]
    correction = 20 * np.log10(pass_band_gain(at_48k) / pass_band_gain(high_pass))
    return meter.integrated_loudness(x.numpy().T) + correction


def pass_band_gain(section):
    signs = np.array([1, -1, 1])
    return (section.b * signs).sum() / (section.a * signs).sum()


def test_k_weighting_at_48_khz_is_that_of_the_tables():
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    shelf += [1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    expected = torch.tensor([shelf, high_pass], dtype=torch.float64)
    torch.testing.assert_close(design_k_weighting(48_000), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 96_000, 192_000])
def test_k_weighting_has_the_same_response_at_every_rate(rate):
    # Far below Nyquist, where the bilinear transform does not yet bend the frequency axis.
    freq_hz = torch.tensor([5.0, 38.0, 100.0, rate / 80], dtype=torch.float64)
    response, expected = (
        20 * torch.log10(frequency_response(design_k_weighting(r), freq_hz, r).abs())
        for r in (rate, 48_000)
    )
    torch.testing.assert_close(response, expected, rtol=0, atol=0.01)


@pytest.mark.parametrize(
    "layout, weights",
    [
        ("2.1", (1, 1, 0)),
        ("3.0", (1, 1, 1)),
        ("quad", (1, 1, 1.41, 1.41)),
        ("quad(side)", (1, 1, 1.41, 1.41)),
        ("4.0", (1, 1, 1, 1)),
        ("5.1(side)", (1, 1, 1, 0, 1.41, 1.41)),
        ("L R C Ls Rs LFE", (1, 1, 1, 1.41, 1.41, 0)),
        ("6.0", (1, 1, 1, 1, 1.41, 1.41)),
        ("6.1", (1, 1, 1, 0, 1, 1.41, 1.41)),
        ("7.1", (1, 1, 1, 0, 1, 1, 1.41, 1.41)),
        (["FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC"], (1, 1, 1, 0, 1.41, 1.41, 1, 1)),
    ],
)
def test_the_sum_of_the_speakers_by_their_weights(layout, weights):
    """The same sine in one channel, and in all of a layout."""
    x = sine(-23.0, 1.0, channels=len(weights))
    for measure in (measure_loudness, measure_momentary_loudness):
        one = measure(x[:1], 48_000).max().item()
        found = measure(x, 48_000, layout=layout).max().item()
        assert found == pytest.approx(one + 10 * math.log10(sum(weights)), abs=1e-9)


def test_a_mono_signal_from_two_loudspeakers():
    x = sine(-23.0, 1.0, channels=2)
    for measure in (measure_loudness, measure_short_term_loudness):
        twice = measure(x[:1], 48_000, dual_mono=True)
        torch.testing.assert_close(twice, measure(x, 48_000))
        torch.testing.assert_close(measure(x, 48_000, dual_mono=True), measure(x, 48_000))


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_a_stereo_sine_at_minus_23_dbfs_is_minus_23_lufs(rate):
    x = sine(-23.0, 2.0, rate, freq_hz=997.0)
    assert measure_loudness(x, rate).item() == pytest.approx(-23.0, abs=0.01)
    # One channel of two is 3.01 LU less, mono (one speaker) as well.
    one = x * torch.tensor([[1.0], [0.0]])
    assert measure_loudness(one, rate).item() == pytest.approx(-26.01, abs=0.01)
    assert measure_loudness(x[:1], rate).item() == pytest.approx(-26.01, abs=0.01)


def test_surround_channels_count_more_and_the_lfe_not_at_all():
    lone = torch.eye(6, dtype=torch.float64)[:, :, None] * sine(-23.0, 1.0, channels=1)
    loudness = measure_loudness(lone, 48_000)
    surround = 10 * math.log10(1.41)
    expected = torch.tensor([0, 0, 0, 0, surround, surround], dtype=torch.float64) + loudness[0]
    torch.testing.assert_close(loudness[[0, 1, 2, 4, 5]], expected[[0, 1, 2, 4, 5]])
    assert loudness[3] == pytest.approx(-160.691)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_agrees_with_pyloudnorm_on_noise_with_quiet_parts(rate, channels):
    level = torch.repeat_interleave(torch.tensor([1.0, 1e-5, 0.1, 0.02, 0.5]), rate)
    x = 0.1 * level * torch.randn(channels, 5 * rate, dtype=torch.float64)
    assert measure_loudness(x, rate).item() == pytest.approx(pyloudnorm_lufs(x, rate), abs=1e-4)
    single = measure_loudness(x.float(), rate).item()
    assert single == pytest.approx(pyloudnorm_lufs(x, rate), abs=1e-4)


def test_agrees_with_pyloudnorm_on_music(shared_data):
    paths = sorted(shared_data.glob("song_*/stems/*.ogg"))[::6]
    paths += sorted(shared_data.glob("drums_enst066/tracks/*.*"))[:2]
    assert len(paths) > 4
    for path in paths:
        x, rate = load(path)
        x = x[..., : x.shape[-1] // (rate // 10) * (rate // 10)]  # where neither drops a tail
        expected = pyloudnorm_lufs(x, rate)
        if math.isfinite(expected):
            assert measure_loudness(x, rate).item() == pytest.approx(expected, abs=0.01), path.name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1770-2_Comp_AbsGateTest", -69.5),
        ("1770-2_Comp_RelGateTest", -10.0),
        ("seq-3341-1-16bit", -23.0),
        ("seq-3341-2-16bit", -33.0),
    ],
)
def test_integrated_loudness_of_the_conformance_signals(shared_data, name, expected):
    x, rate = load(shared_data / "loudness" / f"{name}.flac")
    assert measure_loudness(x, rate).item() == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("name", ["12", "13-1", "13-10"])
def test_momentary_loudness_of_the_conformance_signals(shared_data, name):
    x, rate = load(shared_data / "loudness" / f"seq-3341-{name}-24bit.flac")
    # Tones of 0.4 s that begin at multiples of 20 ms need a finer hop than 0.1 s to be met.
    loudest = measure_momentary_loudness(x, rate, hop_s=0.01).amax().item()
    assert loudest == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("name", ["10-1", "10-10"])
def test_short_term_loudness_of_the_conformance_signals(shared_data, name):
    x, rate = load(shared_data / "loudness" / f"seq-3341-{name}-24bit.flac")
    loudest = measure_short_term_loudness(x, rate).amax().item()
    assert loudest == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(
    ("number", "expected"),
    [(n, -6.0) for n in (15, 16, 17, 18)] + [(19, 3.0)] + [(n, 0.0) for n in (20, 21, 22, 23)],
)
def test_true_peak_of_the_conformance_signals(shared_data, number, expected):
    x, rate = load(shared_data / "loudness" / f"seq-3341-{number}-24bit.flac")
    assert -0.4 <= measure_true_peak(x, rate).amax().item() - expected <= 0.2


@pytest.mark.parametrize(
    ("levels_db", "expected"),
    [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20), ((-50, -35, -20, -35, -50), 15)],
)
def test_loudness_range_of_the_signals_of_ebu_3342(levels_db, expected):
    rate = 8_000
    x = torch.cat([sine(level, 20.0, rate) for level in levels_db], -1)
    assert measure_loudness_range(x, rate).item() == pytest.approx(expected, abs=1)


def test_loudness_range_is_the_spread_of_the_gated_blocks():
    rate = 8_000
    level = 10 ** (torch.linspace(-80, 0, 60 * rate, dtype=torch.float64) / 20)
    x = 0.1 * level * torch.randn(60 * rate, dtype=torch.float64)[None]
    short_term = measure_short_term_loudness(x, rate).numpy()
    gated = short_term[short_term > -70]
    gated = gated[gated > 10 * np.log10(np.mean(10 ** (gated / 10))) - 20]
    expected = np.percentile(gated, 95) - np.percentile(gated, 10)
    assert measure_loudness_range(x, rate).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("measure", "block_s"),
    [(measure_momentary_loudness, 0.4), (measure_short_term_loudness, 3.0)],
)
def test_blocks_are_those_of_a_written_out_loop(measure, block_s):
    rate = 8_000
    x = torch.randn(2, round(4.27 * rate), dtype=torch.float64)
    y = x.numpy()
    for section in design_k_weighting(rate).numpy():
        y = np.stack([_filter(channel, section) for channel in y])
    hop, size = rate // 10, round(block_s * rate)
    expected = [
        -0.691 + 10 * np.log10((y[:, start : start + size] ** 2).mean(1).sum())
        for start in range(0, x.shape[-1] - size + 1, hop)
    ]
    np.testing.assert_allclose(measure(x, rate).numpy(), expected, rtol=0, atol=1e-9)


def _filter(x, section):
    b, a = section[:3], section[3:]
    y, s1, s2 = np.empty_like(x), 0.0, 0.0
    for n, u in enumerate(x):
        y[n] = b[0] * u + s1
        s1, s2 = b[1] * u - a[1] * y[n] + s2, b[2] * u - a[2] * y[n]
    return y


def test_long_signals_are_measured_as_one():
    """Signals pass the meters ten seconds at a time; the seams must not show."""
    rate = 4_000
    x = 0.1 * torch.randn(2, 35 * rate, dtype=torch.float64)
    late = measure_momentary_loudness(x[:, 5 * rate :], rate)[5:]  # other seams, filters settled
    torch.testing.assert_close(measure_momentary_loudness(x, rate)[55:], late, rtol=0, atol=1e-6)
    # A peak between the last sample of one part and the first of the next.
    n = torch.arange(25 * rate, dtype=torch.float64)
    x = torch.stack((torch.sinc(0.8 * (n - 10 * rate + 0.5)), torch.sinc(0.8 * (n - 9 * rate))))
    torch.testing.assert_close(measure_true_peak(x, rate), x.new_zeros(2), rtol=0, atol=0.01)


def test_a_short_signal_is_one_block_completed_with_silence():
    x = sine(-20.0, 0.1)
    padded = torch.nn.functional.pad(x, (0, 48_000 * 4 // 10 - x.shape[-1]))
    torch.testing.assert_close(measure_loudness(x, 48_000), measure_loudness(padded, 48_000))
    assert measure_momentary_loudness(x, 48_000).shape == (1,)
    assert measure_loudness(x, 48_000).item() == pytest.approx(-20 - 10 * math.log10(4), abs=0.2)


def test_silence_has_a_floor_and_no_gradient():
    x = torch.zeros(2, 48_000, requires_grad=True)
    for measure in (measure_loudness, measure_loudness_range, measure_true_peak):
        y = measure(x, 48_000)
        assert torch.isfinite(y).all()
        (gradient,) = torch.autograd.grad(y.sum(), x)
        assert torch.equal(gradient, torch.zeros_like(x))
    assert measure_loudness(x, 48_000).item() == pytest.approx(-160.691, abs=1e-3)
    assert measure_loudness_range(x, 48_000).item() == 0


def test_a_signal_under_the_gate_measures_its_ungated_loudness():
    x = sine(-90.0, 1.0)
    assert measure_loudness(x, 48_000).item() == pytest.approx(-90.0, abs=0.05)


def test_gradients():
    x = (torch.randn(2, 1, 2_400, dtype=torch.float64) * 0.3).requires_grad_()
    rate = 4_000
    assert torch.autograd.gradcheck(lambda x: measure_loudness(x, rate), x, fast_mode=True)
    assert torch.autograd.gradcheck(lambda x: measure_true_peak(x, rate), x, fast_mode=True)
    long = (torch.randn(1, 16_000, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: measure_loudness_range(x, rate), long, fast_mode=True)


def test_the_gradient_of_loudness_is_what_a_gain_does():
    """d LUFS / d log gain is 20 / ln 10, and the inner product of gradient and signal says so."""
    x = (0.1 * torch.randn(3, 2, 48_000, dtype=torch.float64)).requires_grad_()
    (gradient,) = torch.autograd.grad(measure_loudness(x, 48_000).sum(), x)
    expected = torch.full((3,), 20 / math.log(10), dtype=torch.float64)
    torch.testing.assert_close((gradient * x).sum((-2, -1)), expected)


@pytest.mark.parametrize(
    "measure", [measure_loudness, measure_loudness_range, measure_short_term_loudness]
)
def test_items_are_independent(measure):
    level = torch.tensor([1.0, 1e-6, 0.0, 1.0]).reshape(2, 2, 1, 1)
    x = level * torch.randn(2, 2, 2, 32_000)
    together = measure(x, 8_000)
    alone = torch.stack([torch.stack([measure(item, 8_000) for item in row]) for row in x])
    torch.testing.assert_close(together, alone)
    x[0, 0, 0, 0] = torch.nan
    spoilt = measure(x, 8_000)
    assert spoilt[0, 0].isnan().any()
    torch.testing.assert_close(spoilt.flatten(0, 1)[1:], together.flatten(0, 1)[1:])


def test_true_peak_is_the_peak_of_the_continuous_sine():
    """A quarter of the sample rate, sampled between its peaks, shows 3 dB less than it has."""
    n = torch.arange(20_000, dtype=torch.float64)
    for rate in (44_100, 48_000, 96_000):
        fade = torch.hann_window(20_000, dtype=torch.float64)
        x = 0.5 * fade * torch.sin(2 * torch.pi * (n / 4 + 1 / 8))[None]
        assert 20 * torch.log10(x.abs().amax()) == pytest.approx(-9.03, abs=0.01)
        assert measure_true_peak(x, rate).item() == pytest.approx(-6.02, abs=0.02)


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("share", [0.9, 0.95, 0.975])
def test_true_peak_of_sines_near_nyquist(rate, share):
    n = torch.arange(20_000, dtype=torch.float64)
    x = torch.hann_window(20_000, dtype=torch.float64) * torch.sin(torch.pi * share * n + 0.4)
    assert measure_true_peak(x[None], rate).item() == pytest.approx(0.0, abs=0.02)


def test_true_peak_is_never_below_the_largest_sample():
    x = torch.randn(4, 2, 1_000, dtype=torch.float64)
    sample_peak = 20 * torch.log10(x.abs().amax(-1))
    for rate in (8_000, 44_100, 96_000, 192_000):
        assert (measure_true_peak(x, rate) >= sample_peak - 1e-9).all()


def test_half_types_are_computed_in_float32():
    x = 0.1 * torch.randn(2, 2, 16_000).half()
    y = measure_loudness(x, 16_000)
    assert y.dtype == torch.float16
    torch.testing.assert_close(y, measure_loudness(x.float(), 16_000).half())


def test_vmap_and_compile_give_the_same_number():
    x = 0.1 * torch.randn(3, 2, 16_000)
    expected = measure_loudness(x, 16_000)
    torch.testing.assert_close(torch.vmap(lambda x: measure_loudness(x, 16_000))(x), expected)
    compiled = torch.compile(measure_loudness, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x, 16_000), expected)


def test_errors_name_the_argument():
    x = torch.randn(2, 8_000)
    with pytest.raises(ValueError, match="layout: expected the speakers of 9 channels"):
        measure_loudness(torch.randn(9, 8_000), 8_000)
    with pytest.raises(ValueError, match=r"layout: expected 2 speakers, got 3 .FL FR LFE."):
        measure_loudness(x, 8_000, layout="2.1")
    with pytest.raises(ValueError, match=r"hop_s: expected a whole fraction of 0.4 s, got 0.3"):
        measure_momentary_loudness(x, 8_000, hop_s=0.3)
    with pytest.raises(ValueError, match="sample_rate: expected above 3364"):
        measure_loudness(x, 3_000)
    with pytest.raises(ValueError, match="x: expected at least one channel of one sample"):
        measure_loudness(torch.zeros(2, 0), 8_000)
    with pytest.raises(ValueError, match="shape"):
        measure_loudness(torch.zeros(8_000), 8_000)
