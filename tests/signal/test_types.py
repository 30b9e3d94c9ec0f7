"""Kernels take real numbers: complex ones are refused by name, integers are numbers."""

import importlib
import inspect
import pkgutil

import pytest
import torch

import dasp.signal

X = 0.1 * (torch.arange(12.0).reshape(2, 6) - 5)
SOS = torch.tensor([[1.0, 2.0, 1.0, 1.0, 0.0, 0.0]])
ONE, HALF = torch.tensor(1.0), torch.tensor([[0.5]])
BAND = {"freq_hz": torch.tensor(1000.0), "sample_rate": 48_000, "q": ONE}
SHELF = {**BAND, "gain_db": torch.tensor(3.0)}

CALLS = {
    "all_pass_cascade": {
        "x": X, "a": torch.tensor([[0.0]]), "feedback": torch.tensor([[0.0]]), "stages": 2,
        "zi": torch.ones(2, 3),
    },
    "ballistics": {"x": X, "attack": torch.tensor(0.0), "release": torch.tensor(0.0), "zi": ONE},
    "design_all_pass": BAND,
    "design_band_pass": BAND,
    "design_butterworth_high_pass": {k: v for k, v in BAND.items() if k != "q"} | {"order": 3},
    "design_butterworth_low_pass": {k: v for k, v in BAND.items() if k != "q"} | {"order": 3},
    "design_first_order_all_pass": {k: v for k, v in BAND.items() if k != "q"},
    "design_high_pass": BAND,
    "design_high_shelf": SHELF,
    "design_linear_phase_fir": {"gain": torch.ones(9), "taps": 5},
    "design_linkwitz_riley": {k: v for k, v in BAND.items() if k != "q"},
    "design_low_pass": BAND,
    "design_low_shelf": SHELF,
    "design_notch": BAND,
    "design_peak": SHELF,
    "feedback_delay": {"x": X, "delay_samples": ONE, "feedback": ONE, "history": torch.ones(2, 5)},
    "fft_convolve": {"x": X, "h": torch.tensor([1.0, 2.0])},
    "fir_filter": {"x": X, "taps": torch.tensor([1.0, 2.0]), "zi": torch.ones(1)},
    "fractional_delay": {"x": X, "delay_samples": ONE, "history": torch.ones(2, 5)},
    "frequency_response": {"sos": SOS, "freq_hz": torch.tensor([100.0]), "sample_rate": 48_000},
    "lfilter": {
        "x": X, "b": torch.tensor([1.0, 2.0]), "a": torch.tensor([1.0, 1.0]), "zi": torch.ones(1),
    },
    "linear_recurrence": {"a": torch.ones(2, 6), "b": X, "zi": torch.ones(2)},
    "magnitude_spectra": {"x": X, "fft_size": 4, "hop": 2},
    "one_pole": {"x": X, "pole": torch.tensor([[0.0]]), "zi": torch.ones(2)},
    "peaks_between": {"x": X},
    "quantise": {"x": X, "bits": 8},
    "resample": {"x": X, "from_rate": 1, "to_rate": 2},
    "resample_response": {"response": X, "from_rate": 1, "to_rate": 2},
    "sosfilt": {"x": X, "sos": SOS, "zi": torch.ones(1, 2)},
    "stft": {"x": X, "fft_size": 4, "hop": 2},
    "transform_response": {"h": torch.tensor([1.0, 2.0]), "time": 6},
}  # fmt: skip

SIGNALS = {"x", "gain", "response"}
"""What must be of floating-point numbers: its type is that of the result."""

WITHOUT_NUMBERS_OF_THEIR_OWN = {
    "amplified", "block_form", "cascade", "compressed", "delayed", "design_one_pole",
    "fast_fft_length", "filter_by_blocks", "filter_by_sections", "filter_whole", "frames", "irfft",
    "is_long", "istft", "loudest", "read_periodic", "reduction_db", "resample_blocks",
    "resample_part", "rfft", "run_blocks", "sections_of", "side_by_side", "soft_knee",
    "to_level_db", "white_noise",
}  # fmt: skip
"""Or of numbers that a processor, or another kernel, has looked at."""


def functions() -> dict:
    found = {}
    for module in pkgutil.iter_modules(dasp.signal.__path__):
        if not module.name.startswith("_") and not module.ispkg:
            names = vars(importlib.import_module(f"dasp.signal.{module.name}")).items()
            found |= {
                name: value
                for name, value in names
                if inspect.isfunction(value)
                and value.__module__ == f"dasp.signal.{module.name}"
                and not name.startswith("_")
            }
    return found


FUNCTIONS = functions()
TENSORS = [
    (name, key)
    for name, arguments in CALLS.items()
    for key, value in arguments.items()
    if isinstance(value, torch.Tensor)
]


def test_every_kernel_is_here():
    assert FUNCTIONS.keys() == CALLS.keys() | WITHOUT_NUMBERS_OF_THEIR_OWN


@pytest.mark.parametrize("name, key", TENSORS)
def test_complex_numbers_are_refused(name, key):
    arguments = {**CALLS[name], key: CALLS[name][key].to(torch.complex64)}
    with pytest.raises(ValueError, match=f"{key}: expected .*got torch.complex64"):
        FUNCTIONS[name](**arguments)


@pytest.mark.parametrize("name, key", TENSORS)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int16, torch.bool])
def test_integers_are_numbers_but_no_signals(name, key, dtype):
    value = CALLS[name][key].to(dtype)
    arguments = {**CALLS[name], key: value}
    if key in SIGNALS or (name, key) == ("linear_recurrence", "b"):
        with pytest.raises(ValueError, match=f"{key}: expected .*got {dtype}"):
            FUNCTIONS[name](**arguments)
        return
    found = FUNCTIONS[name](**arguments)
    expected = FUNCTIONS[name](**{**arguments, key: value.to(CALLS[name][key])})
    for one, other in zip(flat(found), flat(expected), strict=True):
        torch.testing.assert_close(one, other, check_dtype=False)


def flat(result) -> list:
    return [t for t in result if isinstance(t, torch.Tensor)] if isinstance(result, tuple) else [
        result
    ]  # fmt: skip
