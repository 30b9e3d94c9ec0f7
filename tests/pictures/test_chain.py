"""The curves of a chain's picture against designs known in closed form, and its panels."""

import pytest
import scipy.signal
import torch

pytest.importorskip("matplotlib")

from dasp.pictures import chain as picture
from dasp.pictures.chain import (
    draw_chain,
    magnitudes,
    measure_levels,
    response_of,
    stages_of,
)
from dasp.processors.catalogue import CATALOGUE, COMPRESSOR, HIGH_PASS, STEREO_PANNER
from dasp.processors.chain import chain
from dasp.processors.response import is_linear
from dasp.processors.stage import Stage
from dasp.processors.written import parse_effect

RATE = 48_000


def test_the_response_is_that_of_the_filter():
    response = response_of(parse_effect("low_pass:freq_hz=2000,order=4"), RATE)
    freq_hz, (left, right) = magnitudes(response, RATE)
    sos = scipy.signal.butter(4, 2000, fs=RATE, output="sos")
    _, h = scipy.signal.sosfreqz(sos, freq_hz.numpy(), fs=RATE)
    expected_db = 20 * torch.from_numpy(abs(h)).log10()
    audible = (expected_db > -60) & (freq_hz > 50)
    assert torch.equal(left, right)
    torch.testing.assert_close(left[audible], expected_db[audible], atol=0.1, rtol=0)


def test_a_later_impulse_hears_what_moves():
    equaliser = parse_effect("parametric_eq:peak_gain_db=0/9/0/0")
    plate = parse_effect("plate_reverb:mix=1")
    early, late = (response_of(equaliser, RATE, at_s) for at_s in (0.0, 0.25))
    torch.testing.assert_close(early, late, atol=1e-6, rtol=0)
    early, late = (response_of(plate, RATE, at_s) for at_s in (0.0, 0.25))
    assert (early - late).abs().max() > 0.01


def test_the_level_curve_is_the_gain_computer():
    """Threshold -20 dB, ratio 4, no knee: above it, 1 dB more comes of every 4."""
    compressor = parse_effect("compressor:threshold_db=-20,knee_db=0")
    input_db, output_db = measure_levels(compressor, RATE)
    over_db = (input_db + 20).clamp(min=0)
    torch.testing.assert_close(output_db, input_db - 0.75 * over_db, atol=0.01, rtol=0)


@pytest.mark.parametrize(
    "effect, linear",
    [
        ("gain:gain_db=6", True),
        ("parametric_eq:peak_gain_db=3/0/0/-2", True),
        ("stereo_widener:width=0.5", True),
        ("compressor:threshold_db=0", False),
        ("compressor:threshold_db=-70,ratio=1.2", False),
        ("distortion", False),
    ],
)
def test_what_is_linear(effect, linear):
    stage = parse_effect(effect)
    assert is_linear(stage.processor, RATE, **stage.settings) is linear


@pytest.mark.parametrize(
    "name", [name for name in CATALOGUE if name not in ("stereo_bus", "convolution_reverb", "fir")]
)
def test_every_processor_can_be_measured(name, monkeypatch):
    """At its defaults, twice alike; those that are left out need tracks, a file, or taps."""
    monkeypatch.setattr(picture, "LEVELS_DB", (-60, -20, 0))
    stage = Stage(CATALOGUE[name])
    measure = response_of if is_linear(stage.processor, RATE, **stage.settings) else measure_levels
    first, second = (torch.stack(tuple(measure(stage, RATE))) for _ in range(2))
    assert torch.equal(first, second) and first.isfinite().all()


def test_stages_have_their_own_settings():
    settings = {"compressor.ratio": 2.0, "compressor_2.ratio": 8.0}
    stages = stages_of(Stage(chain(COMPRESSOR, COMPRESSOR), settings))
    assert [(name, stage.settings) for name, stage in stages] == [
        ("compressor", {"ratio": 2.0}),
        ("compressor_2", {"ratio": 8.0}),
    ]


def test_each_stage_has_a_panel_by_its_kind():
    figure = draw_chain(chain(HIGH_PASS, COMPRESSOR, HIGH_PASS), RATE, **{"high_pass_2.order": 4})
    panels = [(axes.get_title(loc="left"), axes.get_xlabel()) for axes in figure.axes]
    assert panels == [
        ("high_pass", "frequency (Hz)"),
        ("compressor", "input level (dB)"),
        ("high_pass_2", "frequency (Hz)"),
    ]


def test_a_linear_chain_has_a_panel_of_the_whole():
    figure = draw_chain(chain(HIGH_PASS, HIGH_PASS), RATE)
    assert [axes.get_title(loc="left") for axes in figure.axes][-1] == "all of them"


def test_two_sides_that_differ_have_two_curves():
    (axes,) = draw_chain(STEREO_PANNER, RATE, pan=0.5).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["left", "right"]
