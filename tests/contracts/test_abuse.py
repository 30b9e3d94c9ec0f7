"""Numerics under abuse: corners of every range, and signals that nobody would send.

Whatever is drawn, the output is finite and no louder than the settings can make it, or a
`ValueError` names the parameter. The quick run draws a few, the long one a thousand a processor.
"""

import re

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor

from dasp.processors.catalogue import CATALOGUE
from tests.contracts.cases import CASES, audio, every_processor, run

TIME = 400

SIGNALS = {
    "noise": lambda x: x,
    "silence": lambda x: 0 * x,
    "denormals": lambda x: x * (1e-40 if x.dtype is torch.float32 else 1e-310),
    "tiny": lambda x: 1e-30 * x,
    "10,000 times full scale": lambda x: 1e4 * x,
    "DC": lambda x: torch.ones_like(x),
    "DC below": lambda x: -1e4 * torch.ones_like(x),
    "square at Nyquist": lambda x: (-1.0) ** torch.arange(x.shape[-1]).expand_as(x).to(x.dtype),
    "impulse": lambda x: torch.zeros_like(x).index_fill(-1, torch.tensor([3]), 1e4),
    "onset after silence": lambda x: x * (torch.arange(x.shape[-1]) > 200),
}

INFINITY = float("inf")
FAR_OUT = (0.0, -1.0, 1e-30, 1e-6, 1e-3, 100.0, -600.0, 1e5, 1e30, -1e30, INFINITY, -INFINITY)

LOUDEST = 1e9
"""10,000 times full scale, through every gain that a range allows, one after the other."""


@st.composite
def corners(draw, name: str):
    """Controls that stand at an end of their range, near it, or anywhere; options of all kinds."""
    processor = CATALOGUE[name]
    ends = st.sampled_from([0.0, 1.0, 0.5, 1e-7, 1 - 1e-7])
    control = st.one_of(ends, st.floats(0, 1, width=32))
    controls = draw(st.lists(control, min_size=processor.n_controls, max_size=processor.n_controls))
    options = {
        option.name: draw(st.sampled_from(list(option.choices or (option.low, option.default))))
        for option in processor.options
        if option.name not in dict(CASES[name].settings)
    }
    return controls, options


def _abuse(name: str, drawn, signal: str, dtype: torch.dtype, sample_rate: int) -> None:
    controls, options = drawn
    physical = CATALOGUE[name].to_physical(torch.tensor(controls, dtype=torch.float64))
    x = SIGNALS[signal](audio(name, time=TIME, dtype=dtype))
    values = {key: value.to(dtype) for key, value in physical.items()}
    try:
        y = run(name, x, {**values, **options}, sample_rate)
    except ValueError as error:
        # A low rate puts frequencies over Nyquist; nothing else in range may be refused.
        assert re.match(rf"({'|'.join([*values, *options])})\b.*: expected", str(error)), error
        assert "Nyquist" in str(error) or "sample" in str(error), error
        return
    assert y.isfinite().all()
    assert y.abs().max() <= LOUDEST


def _check(name: str, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(
        drawn=corners(name),
        signal=st.sampled_from(list(SIGNALS)),
        dtype=st.sampled_from([torch.float32, torch.float64]),
        sample_rate=st.sampled_from([8000, 44_100, 192_000]),
    )
    def draws(drawn, signal, dtype, sample_rate):
        _abuse(name, drawn, signal, dtype, sample_rate)

    draws()


@every_processor
def test_corners(name):
    _check(name, 12)


@pytest.mark.long
@every_processor
def test_a_thousand_corners(name):
    _check(name, 1000)


@every_processor
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_stays_in_its_item(name, value):
    """At loud and at quiet neighbours alike."""
    for level in (1.0, 1e4):
        x = level * audio(name, (3,), time=TIME, dtype=torch.float32)
        clean = run(name, x, {})
        x[1, ..., 7] = value
        y = run(name, x, {})
        _same(y[0], clean[0])
        _same(y[2], clean[2])


@every_processor
def test_values_far_out_of_range(name):
    """A finite result or the name of the parameter, for numbers that no knob reaches."""
    processor = CATALOGUE[name]
    x = audio(name, time=TIME, dtype=torch.float32)
    for param in processor.params:
        for value in FAR_OUT:
            if param.unit == "dB" and abs(value) > 600:
                continue  # Is 0 or infinity, in single precision.
            number = [value] * param.bands if param.bands else value
            try:
                y = run(name, x, {param.name: number})
            except ValueError as error:
                assert param.name in str(error)
            else:
                assert y.isfinite().all(), f"{param.name}={value}"


def _same(y: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
