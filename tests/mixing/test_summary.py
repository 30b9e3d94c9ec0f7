"""A mix in words."""

import pytest

from dasp.mixing.summary import stage_text
from dasp.processors.catalogue import CATALOGUE
from dasp.processors.stage import Stage


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("parametric_eq", {"peak_gain_db": (-3.0, 0.1, 0.0, 1.6),
                           "peak_freq_hz": (312.0, 600.0, 900.0, 4460.0)},
         "-3 dB at 310 Hz, +1.5 dB at 4.5 kHz"),
        ("parametric_eq", {"low_shelf_gain_db": 4.0, "low_shelf_freq_hz": 80.0,
                           "high_shelf_gain_db": -6.0}, "+4 dB below 80 Hz, -6 dB above 8 kHz"),
        ("parametric_eq", {"peak_gain_db": (0.0, 2.0, 0.0, -2.0),
                           "peak_freq_hz": (200.0, 5000.0, 900.0, 100.0)},
         "-2 dB at 100 Hz, +2 dB at 5 kHz"),
        ("parametric_eq", {}, ""),
        ("compressor", {"threshold_db": -24.3, "ratio": 2.0}, "2:1 above -24 dB"),
        ("compressor", {"threshold_db": -30.0, "ratio": 3.46, "makeup_gain_db": 3.0, "mix": 0.5},
         "50 % of 3.5:1 above -30 dB and +3 dB"),
        ("compressor", {"ratio": 1.0}, ""),
        ("limiter", {"ceiling_db": -1.0}, "limited at -1 dB"),
        ("high_pass", {"freq_hz": 82.4}, "nothing below 82 Hz"),
        ("low_pass", {"freq_hz": 12_300.0}, "nothing above 12 kHz"),
        ("gain", {"gain_db": -3.2}, "-3 dB"),
        ("gain", {"gain_db": -0.1}, "+0 dB"),
        ("stereo_panner", {"pan": -0.3}, "L30"),
        ("stereo_widener", {"width": 1.2}, "width 120 %"),
        ("feedback_delay_network", {"mix": 1.0, "rt60_mid_s": 1.31}, "reverb of 1.3 s"),
        ("plate_reverb", {"mix": 0.12}, "12 % plate reverb"),
        ("noise_gate", {"threshold_db": -45.0}, "closed below -45 dB"),
        ("expander", {"threshold_db": -45.0, "ratio": 2.0}, "1:2 below -45 dB"),
        ("delay", {"time_ms": 350.0}, "delay of 350 ms"),
        ("phaser", {}, "phaser"),
    ],
)  # fmt: skip
def test_what_a_stage_does(name, settings, words):
    assert stage_text(Stage(CATALOGUE[name], settings)) == words


def test_a_compressor_with_its_reduction_and_its_key():
    stage = Stage(CATALOGUE["compressor"], {"threshold_db": -24.0, "ratio": 4.0}, sidechain="kick")
    assert stage_text(stage, 3.2) == "4:1 above -24 dB by kick, about 3 dB of reduction"
    assert stage_text(stage, 0.2) == "4:1 above -24 dB by kick, hardly at work"


def test_what_moves():
    moving = Stage(CATALOGUE["gain"], {}, {"time_s": [0.0, 1.0], "gain_db": [0.0, -3.0]})
    assert stage_text(moving) == "gain (gain_db moves)"


def test_every_processor_has_words():
    for processor in CATALOGUE.values():
        assert isinstance(stage_text(Stage(processor, processor.defaults())), str)
