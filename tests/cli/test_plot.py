"""`dasp plot`: the curves it draws against designs known in closed form, and the picture itself."""

import json
import sys

import pytest
import scipy.signal
import torch

pytest.importorskip("matplotlib")

from dasp.cli import chain_picture
from dasp.cli.chain_picture import (
    Stage,
    impulse_response,
    is_linear,
    magnitudes,
    measure_levels,
    stages_of,
)
from dasp.cli.console_picture import draw_strips, response
from dasp.cli.picture import new_figure
from dasp.mixing import settings
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import CATALOGUE, COMPRESSOR, GAIN, HIGH_PASS, STEREO_PANNER
from dasp.processors.chain import chain
from dasp.processors.written import parse_effect

RATE = 48_000


def _stage(effect: str) -> Stage:
    processor, settings = parse_effect(effect)
    return Stage(processor.name, processor, settings)


def test_the_response_is_that_of_the_filter():
    response = impulse_response(_stage("low_pass:freq_hz=2000,order=4"), RATE)
    freq_hz, (left, right) = magnitudes(response, RATE)
    sos = scipy.signal.butter(4, 2000, fs=RATE, output="sos")
    _, h = scipy.signal.sosfreqz(sos, freq_hz.numpy(), fs=RATE)
    expected_db = 20 * torch.from_numpy(abs(h)).log10()
    audible = (expected_db > -60) & (freq_hz > 50)
    assert torch.equal(left, right)
    torch.testing.assert_close(left[audible], expected_db[audible], atol=0.1, rtol=0)


def test_a_later_impulse_hears_what_moves():
    equaliser, plate = _stage("parametric_eq:peak_gain_db=0/9/0/0"), _stage("plate_reverb:mix=1")
    early, late = (impulse_response(equaliser, RATE, at_s) for at_s in (0.0, 0.25))
    torch.testing.assert_close(early, late, atol=1e-6, rtol=0)
    early, late = (impulse_response(plate, RATE, at_s) for at_s in (0.0, 0.25))
    assert (early - late).abs().max() > 0.01


def test_the_level_curve_is_the_gain_computer():
    """Threshold -20 dB, ratio 4, no knee: above it, 1 dB more comes of every 4."""
    input_db, output_db = measure_levels(_stage("compressor:threshold_db=-20,knee_db=0"), RATE)
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
    assert is_linear(_stage(effect), RATE) is linear


@pytest.mark.parametrize(
    "name", [name for name in CATALOGUE if name not in ("stereo_bus", "convolution_reverb", "fir")]
)
def test_every_processor_can_be_measured(name, monkeypatch):
    """At its defaults, twice alike; those that are left out need tracks, a file, or taps."""
    monkeypatch.setattr(chain_picture, "LEVELS_DB", (-60, -20, 0))
    stage = Stage(name, CATALOGUE[name], {})
    measure = impulse_response if is_linear(stage, RATE) else measure_levels
    first, second = (torch.stack(tuple(measure(stage, RATE))) for _ in range(2))
    assert torch.equal(first, second) and first.isfinite().all()


def test_a_picture_of_a_chain(dasp, tmp_path):
    document = tmp_path / "chain.json"
    nodes = [
        {"processor": "high_pass", "settings": {"freq_hz": 80}},
        {"processor": "compressor"},
        {"processor": "high_pass"},
    ]
    document.write_text(json.dumps({"format": "dasp-chain", "version": 1, "chain": nodes}))
    out = tmp_path / "chain.png"
    assert dasp("plot", document, "-o", out) == (0, f"{out}\n", "")
    assert out.read_bytes().startswith(b"\x89PNG")
    status, _, err = dasp("plot", document, "-o", out)
    assert status == 1 and "--force" in err
    assert dasp("plot", document, "-o", out, "--force")[0] == 0


def test_stages_have_their_own_settings():
    processor = chain(COMPRESSOR, COMPRESSOR)
    stages = stages_of(processor, {"compressor.ratio": 2.0, "compressor_2.ratio": 8.0})
    assert [(stage.name, stage.settings) for stage in stages] == [
        ("compressor", {"ratio": 2.0}),
        ("compressor_2", {"ratio": 8.0}),
    ]


def test_without_matplotlib_it_says_what_to_install(dasp, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    out = tmp_path / "out.png"
    status, _, err = dasp("plot", "-e", "gain", "-o", out)
    assert status == 1 and "pip install 'dasp-audio[plot]'" in err and not out.exists()


def test_neither_chain_nor_effects(dasp, tmp_path):
    status, _, err = dasp("plot", "-o", tmp_path / "out.png")
    assert status == 2 and "either a document or -e effects" in err


def test_a_mix_is_drawn_as_a_console(dasp, tmp_path):
    """Every track has its strip, its gain and its pan in the picture."""
    stems = tmp_path / "stems"
    dasp("synthesise", stems, "--seconds", 1, "--rate", 22_050)
    dasp("mix", stems, "-o", tmp_path / "mix.wav")
    out = tmp_path / "console.png"
    assert dasp("plot", tmp_path / "mix.json", "-o", out)[0] == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_strip_says_what_its_settings_are():
    figure = new_figure(8, 6)
    strip = (
        settings.Stage(GAIN, {"gain_db": -3.25}),
        settings.Stage(STEREO_PANNER, {"pan": -0.5}),
    )
    draw_strips(figure.subplots(), Mix(44_100, (Track("snare", strip=strip), Track("bare"))))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert {"snare", "-3.2", "L50", "bare", "+0.0", "C", "master"} <= set(texts)


def test_a_console_says_where_tracks_go_and_what_holds_them():
    figure = new_figure(8, 6)
    compressor = settings.Stage(COMPRESSOR, {"ratio": 6.0, "threshold_db": -30.0}, sidechain="kick")
    track = Track("bass", strip=(compressor,), group="low", sends_db={"hall": -18.0}, locked=True)
    groups, buses = (Channel("low", (settings.Stage(GAIN, {"gain_db": 2.0}),)),), (Channel("hall"),)
    draw_strips(figure.subplots(), Mix(44_100, (track, Track("kick")), (), groups, buses))
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert {"6:1 at -30 by kick", "hall -18", "to low, locked", "low", "hall", "+2.0"} <= texts


def test_the_thumbnail_is_the_response_of_the_filters():
    place, level_db = response([settings.Stage(HIGH_PASS, {"freq_hz": 500.0, "order": 4})], RATE)
    sos = scipy.signal.butter(4, 500, "high", fs=RATE, output="sos")
    _, h = scipy.signal.sosfreqz(sos, (20 * 1000**place).numpy(), fs=RATE)
    expected_db = 20 * torch.from_numpy(abs(h)).log10().float()
    audible = expected_db > -18
    torch.testing.assert_close(level_db[audible], expected_db[audible], atol=0.2, rtol=0)
