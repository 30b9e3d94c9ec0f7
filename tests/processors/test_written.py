"""Effects on one line: units, bands by their numbers, and what is asked back."""

import pytest

from dasp.processors.catalogue import MULTIBAND_COMPRESSOR, PARAMETRIC_EQ
from dasp.processors.written import parse_effect, parse_settings


def test_effects_on_one_line():
    stage = parse_effect("parametric_eq:peak_gain_db=1/2/-3/4,low_shelf_q=0.5")
    assert stage.processor is PARAMETRIC_EQ
    assert stage.settings == {"peak_gain_db": [1, 2, -3, 4], "low_shelf_q": 0.5}
    assert parse_effect("compressor:linked=false,detector=rms").settings == {
        "linked": False,
        "detector": "rms",
    }
    with pytest.raises(ValueError, match="expected key=value, got 'loud'"):
        parse_effect("gain:loud")
    with pytest.raises(ValueError, match=r"ratio: expected at least 1 and at most 20"):
        parse_effect("compressor:ratio=30")


def test_numbers_have_units():
    stage = parse_effect(
        "compressor: threshold_db = -18dB, ratio=4:1, attack_ms=0.01s, mix=50%, "
        "sidechain_high_pass_hz=0.1k, lookahead_ms=1ms"
    )
    assert stage.settings == {
        "threshold_db": -18, "ratio": 4.0, "attack_ms": 10.0, "mix": 0.5,
        "sidechain_high_pass_hz": 100.0, "lookahead_ms": 1,
    }  # fmt: skip
    assert parse_effect("low_pass:freq_hz=2.5kHz,order=4").settings == {
        "freq_hz": 2500.0,
        "order": 4,
    }
    with pytest.raises(ValueError, match=r"^low_pass: freq_hz: expected a frequency.*'10ms'"):
        parse_effect("low_pass:freq_hz=10ms")
    with pytest.raises(ValueError, match=r"^compressor: rms_time_ms: expected a time"):
        parse_effect("compressor:rms_time_ms=1kHz")
    with pytest.raises(ValueError, match=r"gain_db: is there twice"):
        parse_effect("gain:gain_db=1,gain_db=2")


def test_bands_by_their_numbers():
    """The others stand as they stood, or at their defaults."""
    stage = parse_effect(
        "parametric_eq:peak_freq_hz=100/1k/2.5kHz/8000,peak_gain_db[2]=3dB,peak_gain_db[4]=-1"
    )
    assert stage.settings == {
        "peak_freq_hz": [100, 1000, 2500.0, 8000],
        "peak_gain_db": [0, 3, 0, -1],
    }
    before = {"ratio": (2.0, 3.0, 4.0)}
    found = parse_settings(MULTIBAND_COMPRESSOR, [("ratio[3]", "8:1")], before)
    assert found == {"ratio": [2.0, 3.0, 8.0]} and before["ratio"][2] == 4.0
    found = parse_settings(MULTIBAND_COMPRESSOR, [("threshold_db[all]", "-20dB")])
    assert found == {"threshold_db": [-20] * 3}


def test_one_number_for_several_bands_is_asked_back():
    with pytest.raises(
        ValueError, match=r"which of its 4 bands is to be 1k\? peak_freq_hz\[2\]=1k"
    ):
        parse_effect("parametric_eq:peak_freq_hz=1k")
    with pytest.raises(ValueError, match=r"gain_db=3/3/… each"):
        parse_effect("graphic_eq:gain_db=3")


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ("parametric_eq:peak_freq_hz=1k/2k", "expected 4 bands, got 2"),
        ("parametric_eq:peak_freq_hz[5]=1k", "expected a band from 1 to 4, or all"),
        ("parametric_eq:peak_freq_hz[0]=1k", "expected a band from 1 to 4, or all"),
        ("parametric_eq:peak_freq_hz[mid]=1k", "expected a band from 1 to 4, or all"),
        ("parametric_eq:peak_frq_hz[2]=1k", "did you mean 'peak_freq_hz'?"),
        ("parametric_eq:peak_freq_hz[2]=1ms", r"peak_freq_hz[2]: expected a frequency"),
        ("parametric_eq:low_shelf_q[1]=1", "low_shelf_q has no bands"),
        ("gain:gain_db=1/2", "gain_db: expected one number, got '1/2'"),
        ("compressor:ratio=none", "ratio: expected a number, got 'none'"),
    ],
)
def test_bands_that_are_not_there(effect, expected):
    with pytest.raises(ValueError) as caught:
        parse_effect(effect)
    assert expected in str(caught.value)
