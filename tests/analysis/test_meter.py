"""Meters of blocks: the numbers of the whole, whatever the blocks, in bounded memory."""

import math
from array import array

import pytest
import soundfile
import torch

from dasp.analysis import (
    LoudnessMeter,
    PeakMeter,
    measure_loudness,
    measure_loudness_range,
    measure_momentary_loudness,
    measure_peak,
    measure_short_term_loudness,
    measure_true_peak,
)

RATE = 8000


@pytest.mark.parametrize("channels", [0, -1, 1.5, True, None])
def test_a_meter_without_channels_is_refused(channels):
    with pytest.raises(ValueError, match="channels: expected a whole number, 1 or more"):
        PeakMeter(RATE, channels)


def heard(x, rate, *lengths):
    """What both meters show of a signal in blocks of such lengths, over and over."""
    loudness, peaks = LoudnessMeter(rate, len(x)), PeakMeter(rate, len(x))
    start, k = 0, 0
    while start < x.shape[-1]:
        block = x[:, start : start + lengths[k % len(lengths)]]
        loudness.hear(block)
        peaks.hear(block)
        start, k = start + lengths[k % len(lengths)], k + 1
    return loudness.loudness(), peaks.true_peak_db(), peaks.sample_peak_db()


def whole(x, rate):
    """The measures of the signal in one piece."""
    numbers = (
        measure_loudness(x, rate),
        measure_loudness_range(x, rate),
        measure_momentary_loudness(x, rate, hop_s=0.01).max(),
        measure_short_term_loudness(x, rate).max(),
    )
    peaks = measure_true_peak(x, rate).max().item(), measure_peak(x, rate).max().item()
    return tuple(number.item() for number in numbers), *peaks


@pytest.mark.parametrize("lengths", [(10**6,), (1, 0, 7001), (80,), (799, 1), (40_000, 3)])
@pytest.mark.parametrize("seconds", [0.001, 0.2, 0.4, 1.03, 3.0, 12.5])
def test_blocks_are_the_whole(lengths, seconds):
    time = round(seconds * RATE)
    level = torch.linspace(0.01, 0.5, time) * (1 + (torch.arange(time) // 4000) % 3)
    x = (level * torch.randn(2, time)).double()
    shown, true_peak, sample_peak = heard(x, RATE, *lengths)
    expected, its_true_peak, its_sample_peak = whole(x, RATE)
    assert shown == pytest.approx(expected, abs=1e-6)
    assert true_peak == pytest.approx(its_true_peak, abs=1e-6)
    assert sample_peak == pytest.approx(its_sample_peak, abs=1e-9)


@pytest.mark.parametrize("rate", [11_025, 44_100])
def test_rates_whose_hops_are_rounded(rate):
    x = 0.2 * torch.randn(1, 5 * rate)
    shown, true_peak, _ = heard(x, rate, 3333)
    expected, its_true_peak, _ = whole(x, rate)
    assert shown == pytest.approx(expected, abs=1e-3)
    assert true_peak == pytest.approx(its_true_peak, abs=1e-4)


def test_silence_and_nothing():
    silent = heard(torch.zeros(2, RATE), RATE, 100)[0]
    assert silent.integrated_lufs < -150 and silent.max_momentary_lufs < -150
    assert silent.range_lu == 0
    for meter in (LoudnessMeter(RATE, 2).loudness, PeakMeter(RATE, 2).true_peak_db):
        with pytest.raises(ValueError, match="at least one sample"):
            meter()


def test_what_does_not_fit():
    with pytest.raises(ValueError, match="12 channels"):
        LoudnessMeter(RATE, 12)
    with pytest.raises(ValueError, match="K-weighting"):
        LoudnessMeter(1000, 1)
    for meter in (LoudnessMeter(RATE, 2), PeakMeter(RATE, 2)):
        with pytest.raises(ValueError, match=r"expected shape \(2, time\), got \(1, 5\)"):
            meter.hear(torch.zeros(1, 5))


def test_little_is_kept_of_what_was_heard():
    """A minute of stereo is 3.8 MB; what grows is ten numbers a second."""
    loudness, peaks = LoudnessMeter(RATE, 2), PeakMeter(RATE, 2)
    for _ in range(60):
        block = 0.1 * torch.randn(2, RATE)
        loudness.hear(block)
        peaks.hear(block)
    kept = sum(kept_numbers(value) for m in (loudness, peaks) for value in vars(m).values())
    assert kept < 5000


def kept_numbers(value):
    if isinstance(value, torch.Tensor):
        return value.untyped_storage().nbytes() // value.element_size()
    if isinstance(value, array):
        return len(value)
    return sum(map(kept_numbers, vars(value).values())) if hasattr(value, "__dict__") else 1


@pytest.mark.parametrize(
    ("name", "shown", "expected"),
    [
        ("seq-3341-1-16bit", "integrated_lufs", -23.0),
        ("seq-3341-2-16bit", "integrated_lufs", -33.0),
        ("1770-2_Comp_RelGateTest", "integrated_lufs", -10.0),
        ("seq-3341-10-10-24bit", "max_short_term_lufs", -23.0),
        ("seq-3341-12-24bit", "max_momentary_lufs", -23.0),
        ("seq-3341-13-10-24bit", "max_momentary_lufs", -23.0),
    ],
)
def test_conformance_signals_in_blocks(shared_data, name, shown, expected):
    x, rate = soundfile.read(shared_data / "loudness" / f"{name}.flac", always_2d=True)
    x = torch.from_numpy(x.T.copy())
    meter = LoudnessMeter(rate, len(x))
    for block in x.split(48_123, -1):
        meter.hear(block)
    assert getattr(meter.loudness(), shown) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(
    ("levels_db", "expected"), [((-20, -30), 10), ((-20, -15), 5), ((-40, -20), 20)]
)
def test_loudness_range_of_ebu_tech_3342(levels_db, expected):
    """Signals 1 to 3: tones of 20 s at one level each, +-1 LU; from blocks of a second."""
    t = torch.arange(20 * RATE, dtype=torch.float64) / RATE
    tone = torch.sin(2 * math.pi * 1000 * t).expand(2, -1)
    x = torch.cat([10 ** (level / 20) * tone for level in levels_db], -1)
    assert heard(x, RATE, RATE)[0].range_lu == pytest.approx(expected, abs=0.1)
