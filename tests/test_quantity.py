"""Numbers with units: the number in the unit of the parameter, or an error."""

import pytest

from dasp._quantity import parse_quantity, unit_of


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("1k", "freq_hz", 1000),
        ("2.5kHz", "peak_freq_hz", 2500.0),
        ("44.1 khz", "sample_rate_hz", 44_100.0),
        ("440Hz", "freq_hz", 440),
        ("-18dB", "threshold_db", -18),
        ("\N{MINUS SIGN}18dB", "threshold_db", -18),
        ("-1 dBTP", "ceiling_db", -1),
        ("+.5DB", "gain_db", 0.5),
        ("10ms", "attack_ms", 10),
        ("0.5s", "attack_ms", 500.0),
        ("250us", "attack_ms", 0.25),
        ("250\N{GREEK SMALL LETTER MU}s", "attack_ms", 0.25),
        ("500ms", "rt60_s", 0.5),
        ("10ms", "tail_s", 0.01),
        ("2min", "timeout_s", 120),
        ("-14LUFS", "target_lufs", -14),
        ("4:1", "ratio", 4.0),
        ("3 : 2", "compressor.ratio", 1.5),
        ("50%", "mix", 0.5),
        ("-30%", "pan", -0.3),
        ("12 semitones", "depth_octaves", 1),
        ("48samples", "delay_samples", 48),
        ("1e3", "freq_hz", 1000.0),
        ("4", "order", 4),
    ],
)
def test_a_number_in_the_unit_of_its_name(text, name, expected):
    value = parse_quantity(text, unit_of(name))
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("10ms", "freq_hz"),
        ("1k", "attack_ms"),
        ("1kHz", "gain_db"),
        ("-18dB", "freq_hz"),
        ("-18dB", "attack_ms"),
        ("10ms", "delay_samples"),
        ("50%", "freq_hz"),
        ("50%", "ratio"),
        ("50%", "peak_q"),
        ("4:1", "gain_db"),
        ("4:1", "mix"),
        ("4:0", "ratio"),
        ("1k2", "freq_hz"),
        ("1.2.3", "freq_hz"),
        ("dB", "gain_db"),
        ("", "gain_db"),
        ("1_000", "freq_hz"),
    ],
)
def test_a_unit_that_does_not_fit_is_refused(text, name):
    with pytest.raises(ValueError, match=r"^expected "):
        parse_quantity(text, unit_of(name))
