import math

import numpy as np
import pytest
import torch

from dasp._checks import (
    check_audio,
    check_channels,
    check_choice,
    check_frequency,
    check_range,
    check_real,
    check_signal,
    checked_sample_rate,
    did_you_mean,
)


def test_audio():
    for shape in ((1, 0), (2, 100), (3, 4, 1, 10), (64, 1), (2, 1)):
        check_audio(torch.zeros(shape))
    check_audio(torch.zeros(2, 10, dtype=torch.float16))
    for x, error, message in (
        (np.zeros((2, 10)), TypeError, r"drums: expected a torch.Tensor, got ndarray"),
        (torch.zeros(2, 10).int(), ValueError, "drums: expected floating-point audio, got torch.i"),
        (torch.zeros(10), ValueError, r"drums: .*got \(10,\); a mono signal is drums\[None\]"),
        (torch.zeros(()), ValueError, r"drums: .*got \(\)"),
        (torch.zeros(65, 64), ValueError, r"drums: .*65 channels of 64 samples; .*swapped"),
    ):
        with pytest.raises(error, match=message):
            check_audio(x, "drums")


def test_channels():
    check_channels(torch.zeros(2, 10), 2)
    with pytest.raises(ValueError, match=r"x: expected 2 channels, got 3 \(shape \(5, 3, 10\)\)"):
        check_channels(torch.zeros(5, 3, 10), 2)


def test_sample_rate():
    for rate in (
        1, 8000, 44_100.5, np.float32(8000), np.int64(8000), np.array(8000), np.array([8000.0]),
        torch.tensor(8000), torch.tensor([44_100.5]),
    ):  # fmt: skip
        number = checked_sample_rate(rate)
        assert isinstance(number, int | float) or rate is number
        assert number == rate
    for rate in (
        0, -1.0, math.nan, math.inf, "44100", None, True, torch.tensor([1.0, 2.0]),
        torch.tensor(-1.0), torch.tensor([]), np.array([8000, 8000]), np.array("8000"), [8000],
    ):  # fmt: skip
        with pytest.raises(ValueError, match="sample_rate: expected a positive number of Hz, got"):
            checked_sample_rate(rate)


@pytest.mark.parametrize(
    "kind", [float, lambda v: [v, v], torch.tensor, lambda v: torch.full((2, 2), v)]
)
def test_limits(kind):
    """`low` and `high` may be reached, `above` and `below` may not."""
    for value in (0.0, 0.5, 1.0):
        check_range("mix", kind(value), low=0.0, high=1.0)
    check_range("q", kind(1e-6), above=0.0, below=1.0)
    for value, limits, message in (
        (-0.5, {"low": 0.0, "high": 1.0}, "mix: expected at least 0 and at most 1, got -0.5"),
        (1.5, {"low": 0.0, "high": 1.0}, "mix: expected at least 0 and at most 1, got 1.5"),
        (0.0, {"above": 0.0}, "mix: expected above 0, got 0"),
        (2.0, {"below": 2.0}, "mix: expected below 2, got 2"),
        (2.0, {"below": 2.0, "because": "for a reason"}, r"below 2 \(for a reason\), got 2"),
        (math.nan, {}, "mix: expected a number, got nan"),
        (math.nan, {"low": 0.0}, "mix: expected at least 0, got nan"),
    ):
        with pytest.raises(ValueError, match=message):
            check_range("mix", kind(value), **limits)


def test_one_bad_value_among_good_ones():
    for values in ([0.5, -1.0, 2.0], torch.tensor([[0.5, -1.0, 2.0]])):
        with pytest.raises(ValueError, match="gain: expected at least 0, got -1 to 2"):
            check_range("gain", values, low=0.0)
    for values in ([0.5, math.nan, 2.0], torch.tensor([0.5, math.nan, 2.0])):
        with pytest.raises(ValueError, match="gain: expected a number, got nan"):
            check_range("gain", values)


def test_nothing_is_within_any_limits():
    check_range("gain_db", torch.zeros(0), low=1.0)
    check_range("gain_db", [], low=1.0)


def test_frequency():
    check_frequency("freq_hz", 21_999.0, 44_000)
    for freq_hz in (0.0, 22_000.0):
        with pytest.raises(ValueError, match=r"freq_hz: .*below 22000 .Nyquist at 44000 Hz., got"):
            check_frequency("freq_hz", freq_hz, 44_000)


def test_values_that_cannot_be_read_for_free_are_not_looked_at():
    bad = torch.tensor([-1.0])

    def checked(value):
        check_range("q", value, above=0.0)
        return value * 2

    assert torch.vmap(checked)(bad).item() == -2.0
    assert torch.func.jvp(checked, (bad,), (bad,))[0].item() == -2.0
    assert torch.compile(checked, fullgraph=True, backend="eager")(bad).item() == -2.0
    checked(torch.full((1,), -1.0, device="meta"))
    with pytest.raises(ValueError):
        checked(bad)


def test_choices_suggest_the_nearest():
    check_choice("detector", "rms", ("peak", "rms"))
    with pytest.raises(
        ValueError, match="detector: expected one of 'peak', 'rms', got 'peek'; did you mean 'peak'"
    ):
        check_choice("detector", "peek", ("peak", "rms"))
    with pytest.raises(ValueError, match=r"order: expected one of 2, 4, got 'x'$"):
        check_choice("order", "x", (n for n in (2, 4)))
    assert did_you_mean("treshold_db", ["ratio", "threshold_db"]) == (
        "; did you mean 'threshold_db'?"
    )
    assert did_you_mean("wobble", ["ratio", "threshold_db"]) == ""


def test_complex_numbers_are_refused_and_others_are_not():
    for value in (None, 1, True, 0.5, [1, 0.5], torch.tensor(1), torch.tensor(True), torch.ones(2)):
        check_real("q", value)
        if value is not None:
            check_range("q", value, low=0.0)
    for value, came in ((1j, "1j"), ([0.5, 1j], "1j"), (torch.tensor(1j), "torch.complex64")):
        for check in (check_real, check_range):
            with pytest.raises(ValueError, match=f"q: expected real numbers, got {came}"):
                check("q", value)


def test_signals():
    check_signal("x", torch.zeros(3))
    for x, came in ((torch.zeros(3).long(), "torch.int64"), ([0.0], "list")):
        with pytest.raises(ValueError, match=f"x: expected a tensor of floating-.*got {came}"):
            check_signal("x", x)
