"""What was meant by a word that is none, and numbers with units behind every option."""

import argparse

import pytest

from dasp.cli import numbers
from dasp.cli.parser import joined


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("mixx", "a"), "did you mean 'mix'?"),
        (("INFO", "a"), "did you mean 'info'?"),
        (("mix", "a", "-o", "b.wav", "--targt-lufs", "-14"), "did you mean '--target-lufs'?"),
        (("mix", "a", "--outptu", "b.wav"), "--outptu: did you mean '--output'?"),
        (("mix", "a", "-o", "b", "--system", "consol"), "did you mean 'console'?"),
        (("process", "a", "-o", "b", "-e", "gain", "--clip-mode", "clmp"), "did you mean 'clamp'?"),
        (("unmix", "a", "b", "-o", "c", "--stages", "gian"), "did you mean 'gain'?"),
        (("show", "compresor"), "did you mean 'compressor'?"),
        (("mix", "a", "-o", "b", "--target-lufs", "14"), "did you mean -14?"),
        (("mix", "a", "-o", "b", "--target-lufs", "14LUFS"), "did you mean -14LUFS?"),
        (("batch", "a", "-o", "b", "--mix", "--target-lufs", "0.1"), "at most 0 LUFS"),
        (("mix", "a", "-o", "b", "--target-lufs=-80"), "expected -70 to 0 LUFS, got -80"),
        (("mix", "a", "-o", "b", "--target-lufs", "-14ms"), "expected a loudness"),
        (("mix", "a", "-o", "b", "--amount", "150%"), "expected 0 to 1, got 150%"),
        (("synthesise", "a", "--rate", "10ms"), "expected a frequency"),
        (("synthesise", "a", "--rate", "44100.5"), "expected a whole number"),
        (("synthesise", "a", "--seconds", "0"), "expected more than 0 seconds"),
        (("fit", "a", "b", "-o", "c", "-e", "gain", "--seconds", "1kHz"), "expected a time in s"),
    ],
)
def test_what_is_wrong_is_told_with_what_may_be_meant(dasp, arguments, expected):
    status, out, err = dasp(*arguments)
    assert status == 2 and out == "" and expected in err


def test_numbers_with_units_are_taken():
    assert numbers.sample_rate("44.1kHz") == 44_100 and numbers.sample_rate("48k") == 48_000
    assert numbers.seconds("500ms") == 0.5 and numbers.seconds("2min") == 120
    assert numbers.target_lufs("-14LUFS") == numbers.target_lufs("-14") == -14
    assert numbers.share("50%") == 0.5 and numbers.count("3") == 3
    for read in (numbers.sample_rate, numbers.seconds, numbers.target_lufs, numbers.count):
        for text in ("nan", "inf", "-inf", "", "no"):
            with pytest.raises(argparse.ArgumentTypeError):
                read(text)


def test_a_negative_number_with_a_unit_is_no_option():
    words = ["mix", "a", "--target-lufs", "-14LUFS", "-o", "-5", "--", "--seed", "-3x"]
    assert joined(words) == ["mix", "a", "--target-lufs=-14LUFS", "-o", "-5", "--", "--seed", "-3x"]


def test_units_reach_a_command(dasp, tmp_path):
    options = ("--rate", "22.05kHz", "--seconds", "250ms")
    assert dasp("synthesise", tmp_path, *options)[0] == 0
    status, out, _ = dasp("info", tmp_path / "bass.wav")
    assert status == 0 and "22050 Hz" in out and "0.25 s" in out
