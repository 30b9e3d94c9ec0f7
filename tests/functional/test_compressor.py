import math

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from dasp.functional import compressor, compressor_gain_reduction
from dasp.functional.detector import RMS_TIME_MS
from dasp.processors.catalogue import COMPRESSOR

SAMPLE_RATE = 8000
SETTINGS = {
    "threshold_db": -24.0,
    "ratio": 3.5,
    "attack_ms": 2.0,
    "release_ms": 15.0,
    "knee_db": 8.0,
    "makeup_gain_db": 4.0,
    "lookahead_ms": 0.0,
    "mix": 1.0,
}


def bursts(*shape):
    """Noise that is loud and soft in turns, by 26 dB."""
    x = 0.4 * torch.randn(*shape, dtype=torch.float64)
    return x * torch.where(torch.arange(shape[-1]) // 150 % 2 == 0, 0.05, 1.0)


def pole(time_ms, sample_rate):
    return math.exp(-1000 / (time_ms * sample_rate))


def level_loop(key, detector, sample_rate, rms_time_ms=RMS_TIME_MS):
    """Level in dB of one channel, sample by sample."""
    if detector == "peak":
        return [20 * math.log10(max(abs(v), 1e-8)) for v in key]
    p, mean_square, levels = pole(rms_time_ms, sample_rate), 0.0, []
    for v in key:
        mean_square = p * mean_square + (1 - p) * v * v
        levels.append(10 * math.log10(max(mean_square, 1e-16)))
    return levels


def reduction_loop(levels, sample_rate, *, threshold_db, ratio, attack_ms, release_ms, knee_db):
    """Gain reduction in dB of one channel: gain computer, then the branching smoother."""
    state, reductions = 0.0, []
    for level in levels:
        over = level - threshold_db
        if 2 * over <= -knee_db:
            target = 0.0
        elif 2 * over < knee_db:
            target = (1 - 1 / ratio) * (over + knee_db / 2) ** 2 / (2 * knee_db)
        else:
            target = (1 - 1 / ratio) * over
        p = pole(attack_ms if target > state else release_ms, sample_rate)
        state = p * state + (1 - p) * target
        reductions.append(state)
    return reductions


def compressor_loop(
    x, sample_rate, *, makeup_gain_db, lookahead_ms, mix, detector, linked, key, **settings
):
    levels = [level_loop(channel, detector, sample_rate) for channel in key]
    if linked:
        levels = [[max(now) for now in zip(*levels, strict=True)]]
    reductions = [reduction_loop(level, sample_rate, **settings) for level in levels]
    reductions = reductions * (len(x) // len(reductions))
    ahead = lookahead_ms * sample_rate / 1000
    y = np.zeros_like(x)
    for channel, reduction in enumerate(reductions):
        last = len(reduction) - 1
        for n in range(len(reduction)):
            i = min(math.floor(n + ahead), last)
            after = reduction[min(i + 1, last)]
            read = reduction[i] + (ahead - math.floor(ahead)) * (after - reduction[i])
            wet = x[channel, n] * 10 ** ((makeup_gain_db - read) / 20)
            y[channel, n] = (1 - mix) * x[channel, n] + mix * wet
    return y


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("detector", ["peak", "rms"])
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"knee_db": 0.0},
        {"lookahead_ms": 4.0},
        {"lookahead_ms": 1.3},
        {"mix": 0.3},
        {"attack_ms": 30.0, "release_ms": 5.0},
        {"ratio": 1e6, "threshold_db": -12.0, "makeup_gain_db": -3.0},
    ],
)
def test_equals_a_written_out_loop(changed, detector, linked):
    x = bursts(2, 900)
    options = {"detector": detector, "linked": linked}
    settings = {**SETTINGS, **changed}
    y = compressor(x, SAMPLE_RATE, **settings, **options)
    expected = compressor_loop(x.numpy(), SAMPLE_RATE, **settings, **options, key=x.numpy())
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("linked", [True, False])
@pytest.mark.parametrize("detector, rms_time_ms", [("peak", 10.0), ("rms", 1.5)])
@pytest.mark.parametrize("slow_mix", [0.0, 0.4, 1.0])
def test_slow_reduction_and_rms_time_equal_a_written_out_loop(
    slow_mix, detector, rms_time_ms, linked
):
    """The reduction is a sum of two, each from the gain computer, with its own times."""
    x = bursts(2, 900)
    static = {"threshold_db": -24.0, "ratio": 3.5, "knee_db": 8.0}
    fast, slow = {"attack_ms": 2.0, "release_ms": 15.0}, {"attack_ms": 9.0, "release_ms": 80.0}
    levels = [level_loop(channel, detector, SAMPLE_RATE, rms_time_ms) for channel in x.tolist()]
    if linked:
        levels = [[max(now) for now in zip(*levels, strict=True)]]
    expected = sum(
        share * np.array([reduction_loop(v, SAMPLE_RATE, **static, **times) for v in levels])
        for share, times in ((1 - slow_mix, fast), (slow_mix, slow))
    )
    settings = {
        **static, **fast, "slow_attack_ms": 9.0, "slow_release_ms": 80.0, "slow_mix": slow_mix,
        "detector": detector, "rms_time_ms": rms_time_ms, "linked": linked,
    }  # fmt: skip
    reduction = compressor_gain_reduction(x, SAMPLE_RATE, **settings)
    np.testing.assert_allclose(reduction, expected, rtol=0, atol=1e-9)
    y = compressor(x, SAMPLE_RATE, **settings, makeup_gain_db=4.0, mix=0.7)
    gained = x.numpy() * (0.3 + 0.7 * 10 ** ((4.0 - expected) / 20))
    np.testing.assert_allclose(y, gained, rtol=0, atol=1e-9)


@pytest.mark.parametrize("linked", [True, False])
def test_settings_are_those_of_each_item_on_any_batch(linked):
    x = bursts(3, 2, 2, 300)
    for shape in ((3, 2), (2,), (3, 1), ()):
        threshold_db = torch.linspace(-40, -20, math.prod(shape)).double().reshape(shape)
        settings = {**SETTINGS, "linked": linked}
        together = compressor(x, SAMPLE_RATE, **settings | {"threshold_db": threshold_db})
        for place in np.ndindex(3, 2):
            own = threshold_db.expand(3, 2)[place].item()
            alone = compressor(x[place], SAMPLE_RATE, **settings | {"threshold_db": own})
            torch.testing.assert_close(together[place], alone, rtol=1e-12, atol=1e-12)


SHAPING = {
    "sidechain_high_pass_hz": 300.0,
    "rms_time_ms": 1.5,
    "slow_attack_ms": 9.0,
    "slow_release_ms": 80.0,
    "slow_mix": 0.4,
}


def shaped(x, **shaping):
    settings = {**SETTINGS, "detector": "rms", **SHAPING, **shaping}
    return compressor(x, SAMPLE_RATE, **settings)


@pytest.mark.parametrize("name", SHAPING)
def test_what_shapes_the_detector_has_exact_gradients(name):
    x, weight = bursts(2, 2, 450), torch.randn(2, 2, 450, dtype=torch.float64)
    value = torch.tensor([0.8, 1.1], dtype=torch.float64) * SHAPING[name]
    value.requires_grad_()

    def weighted(value):
        return (shaped(x, **{name: value}) * weight).sum((-2, -1))

    assert torch.autograd.gradcheck(weighted, (value,), eps=1e-5 * SHAPING[name])
    weighted(value).sum().backward()
    assert (value.grad != 0).all()


def test_what_shapes_the_detector_is_that_of_each_item_through_every_transform():
    x = bursts(3, 2, 300)
    values = {k: v * torch.tensor([0.7, 1.0, 1.3]).double() for k, v in SHAPING.items()}
    together = shaped(x, **values)
    for i in range(3):
        alone = shaped(x[i], **{k: v[i].item() for k, v in values.items()})
        torch.testing.assert_close(together[i], alone, rtol=1e-12, atol=1e-12)
    mapped = torch.func.vmap(lambda x, values: shaped(x, **values))(x, values)
    torch.testing.assert_close(mapped, together, rtol=1e-9, atol=1e-9)
    traced = torch.compile(shaped, fullgraph=True, backend="aot_eager")(x, **values)
    torch.testing.assert_close(traced, together, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_slow_share_of_zero_is_the_compressor_without_it(dtype):
    x = bursts(2, 2, 900).to(dtype)
    plain = compressor(x, SAMPLE_RATE, **SETTINGS)
    assert torch.equal(compressor(x, SAMPLE_RATE, **SETTINGS, slow_mix=0.0), plain)
    off = compressor(x, SAMPLE_RATE, **SETTINGS, slow_mix=torch.tensor(0.0))
    torch.testing.assert_close(off, plain, rtol=1e-6, atol=1e-7)


def test_a_slow_share_lets_go_of_a_long_note_later_than_of_a_peak():
    """6 of 12 dB are slow: 300 ms after 1 s of sound they are there; after 5 ms, hardly."""
    left_db = []
    for length in (5, 1000):
        x = torch.full((1, 48 * 1300), 1e-4, dtype=torch.float64)
        x[..., : 48 * length] = 1.0
        reduction = compressor_gain_reduction(
            x, 48_000, threshold_db=-24.0, ratio=2.0, attack_ms=0.1, release_ms=20.0,
            slow_attack_ms=100.0, slow_release_ms=1000.0, slow_mix=0.5,
        )  # fmt: skip
        left_db.append(reduction[0, 48 * (length + 300) - 1].item())
    for left, length in zip(left_db, (5, 1000), strict=True):
        slow = 6 * (1 - math.exp(-length / 100)) * math.exp(-300 / 1000)
        assert left == pytest.approx(slow + 6 * math.exp(-300 / 20), rel=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"slow_mix": 1.1}, {"slow_mix": -0.1}, {"slow_release_ms": -1.0},
              {"rms_time_ms": -1.0}, {"slow_attack_ms": math.nan}],
)  # fmt: skip
def test_shaping_without_a_meaning_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        shaped(bursts(1, 100), **wrong)


@pytest.mark.parametrize("channels", [1, 2])
def test_side_chain_and_its_high_pass_equal_scipy_and_the_loop(channels):
    x, key = bursts(2, 900), bursts(channels, 900)
    # The cookbook's high-pass with Q = 1/sqrt(2) is a Butterworth filter of order 2.
    sos = scipy.signal.butter(2, 500.0, "high", fs=SAMPLE_RATE, output="sos")
    filtered = scipy.signal.sosfilt(sos, key.numpy())
    options = {"detector": "peak", "linked": channels == 1}
    y = compressor(
        x, SAMPLE_RATE, **SETTINGS, **options, sidechain=key, sidechain_high_pass_hz=500.0
    )
    expected = compressor_loop(x.numpy(), SAMPLE_RATE, **SETTINGS, **options, key=filtered)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-9)


def test_the_side_chain_is_that_of_each_item():
    x, keys = bursts(3, 2, 400), bursts(3, 1, 400)
    together = compressor(x, SAMPLE_RATE, **SETTINGS, sidechain=keys)
    for i in range(3):
        alone = compressor(x[i], SAMPLE_RATE, **SETTINGS, sidechain=keys[i])
        torch.testing.assert_close(together[i], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 399), (3, 400), (5, 2, 400), (400,)])
def test_a_side_chain_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match="sidechain: expected"):
        compressor(bursts(2, 400), SAMPLE_RATE, **SETTINGS, sidechain=torch.zeros(shape))


def test_the_detector_does_not_sum_channels():
    """Opposite channels are as loud as equal ones, and two as loud as one."""
    mono = bursts(1, 600)
    reduction = [
        compressor_gain_reduction(
            x, SAMPLE_RATE, threshold_db=-24.0, ratio=4.0, attack_ms=1.0, release_ms=20.0
        )
        for x in (mono, torch.cat((mono, mono)), torch.cat((mono, -mono)))
    ]
    assert reduction[0].max() > 6
    assert torch.equal(reduction[1], reduction[0]) and torch.equal(reduction[2], reduction[0])


def test_linked_channels_share_one_gain():
    x = bursts(2, 600) * torch.tensor([[1.0], [0.1]])
    y = compressor(x, SAMPLE_RATE, **SETTINGS)
    torch.testing.assert_close((y / x)[0], (y / x)[1])
    apart = compressor(x, SAMPLE_RATE, **SETTINGS, linked=False)
    torch.testing.assert_close(apart[0], compressor(x[:1], SAMPLE_RATE, **SETTINGS)[0])
    torch.testing.assert_close(apart[1], compressor(x[1:], SAMPLE_RATE, **SETTINGS)[0])


@pytest.mark.parametrize("time_ms", [0.5, 5.0, 80.0])
def test_attack_and_release_cover_63_percent_in_their_time(time_ms):
    rate, other_ms = 48_000, 3.0
    samples = round(time_ms * rate / 1000)
    static = {"threshold_db": -20.0, "ratio": 2.0, "knee_db": 0.0}

    rise = torch.ones(1, samples, dtype=torch.float64)  # asks for 10 dB at once
    attack = compressor_gain_reduction(rise, rate, **static, attack_ms=time_ms, release_ms=other_ms)
    assert attack[0, -1].item() == pytest.approx(10 * (1 - math.exp(-1)), rel=1e-9)

    fall = torch.cat((torch.ones(1, 40_000), torch.full((1, samples), 1e-3)), -1).double()
    release = compressor_gain_reduction(
        fall, rate, **static, attack_ms=other_ms, release_ms=time_ms
    )
    assert release[0, -1].item() == pytest.approx(10 * math.exp(-1), rel=1e-9)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 8.0, 1e6])
@pytest.mark.parametrize("knee_db", [0.0, 12.0])
def test_static_curve(ratio, knee_db):
    """Steady levels come out on the two lines, and half-way along the knee a quarter below."""
    threshold_db = -30.0
    level_db = torch.arange(-60.0, 1.0, 2.0, dtype=torch.float64)
    x = (10 ** (level_db / 20))[:, None, None].expand(-1, 1, 100)
    y = compressor(
        x, 48_000, threshold_db=threshold_db, ratio=ratio, attack_ms=0, release_ms=0,
        knee_db=knee_db,
    )  # fmt: skip
    out_db = 20 * torch.log10(y[:, 0, -1])
    expected = torch.where(
        level_db > threshold_db, threshold_db + (level_db - threshold_db) / ratio, level_db
    )
    outside = (level_db - threshold_db).abs() >= knee_db / 2
    torch.testing.assert_close(out_db[outside], expected[outside])
    if knee_db:
        at_threshold = out_db[level_db == threshold_db].item()
        assert at_threshold == pytest.approx(threshold_db - (1 - 1 / ratio) * knee_db / 8)


@pytest.mark.parametrize("lookahead_ms", [0.0, 0.7, 5.0, 1e6])
def test_look_ahead_does_not_move_the_audio(lookahead_ms):
    """Only gains change: what was silent stays silent, what had a sign keeps it."""
    x = torch.zeros(1, 2000)
    x[..., 500::250] = torch.tensor([1.0, -0.5, 1.0, -1.0, 0.3, 1.0])
    y = compressor(x, 48_000, **{**SETTINGS, "lookahead_ms": lookahead_ms})
    assert torch.equal(y.sign(), x.sign())


def test_look_ahead_acts_before_the_sound():
    """A gain that fell for long enough before an onset leaves no overshoot."""
    x = torch.full((1, 4800), 1e-3, dtype=torch.float64)
    x[..., 2400:] = 1.0
    settings = {**SETTINGS, "attack_ms": 1.0, "knee_db": 0.0, "makeup_gain_db": 0.0}
    at_once, ahead = (
        compressor(x, 48_000, **{**settings, "lookahead_ms": ms}) for ms in (0.0, 20.0)
    )
    steady = 10 ** ((-24 + 24 / 3.5) / 20)
    assert at_once.max() > 0.9
    assert ahead.max().item() == pytest.approx(steady, rel=1e-6)


def error_to_signal(estimate, target):
    return ((estimate - target).square().sum() / target.square().sum()).item()


def best_static_gain(x, target):
    return x * (x * target).sum() / x.square().sum()


@pytest.mark.parametrize(
    "recording, lag, rate, fitted_by_db, heard_by_db",
    [
        ("LA2A-ED1", -1, 44_100, 4.5, 4.5),
        ("CL1B_1_ED", 0, 48_000, 6.0, 3.0),
        ("CL1B_4_ED", 0, 48_000, 6.0, 1.0),
    ],
)
def test_fitted_by_gradients_it_explains_hardware(
    shared_data, recording, lag, rate, fitted_by_db, heard_by_db
):
    """Adam finds a compressor that is nearer to the hardware than the best gain without one.

    Fitted on the first half of 10 s, and on the second half, which it has not seen, still nearer
    than a gain that was fitted there. The margins are those of the error-to-signal ratio.
    """
    x, target = (
        torch.from_numpy(
            soundfile.read(shared_data / "compressor_pairs" / name, dtype="float32")[0]
        )
        for name in (f"{recording}_inp.mp3", f"{recording}_tar.mp3")
    )
    x, target = x.roll(lag)[None, : 10 * rate], target[None, : 10 * rate]
    first, second = slice(0, 5 * rate), slice(5 * rate, None)
    start = {"threshold_db": -24.0, "ratio": 4.0, "attack_ms": 2.0, "release_ms": 50.0}
    controls = COMPRESSOR.to_controls(start).logit(eps=1e-3).requires_grad_()
    adam = torch.optim.Adam([controls], lr=0.15)

    def fitted(part):
        settings = COMPRESSOR.to_physical(controls.sigmoid())
        return COMPRESSOR(x[:, part], rate, **{**settings, "mix": 1.0, "lookahead_ms": 0.0})

    for _ in range(40 if recording.startswith("LA2A") else 80):
        adam.zero_grad()
        ((fitted(first) - target[:, first]).square().sum()).backward()
        adam.step()

    for part, margin_db in ((first, fitted_by_db), (second, heard_by_db)):
        with torch.no_grad():
            ours = error_to_signal(fitted(part), target[:, part])
        static = error_to_signal(best_static_gain(x[:, part], target[:, part]), target[:, part])
        assert 10 * math.log10(static / ours) > margin_db
