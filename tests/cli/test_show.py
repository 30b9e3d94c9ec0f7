"""`dasp show`."""

import json
from dataclasses import replace

import pytest

from dasp.mixing import Mix, Preparation, Stage, Track, save_mix
from dasp.processors.catalogue import CATALOGUE, COMPRESSOR, GAIN


def test_the_table_of_a_compressor(dasp):
    status, out, err = dasp("show", "compressor")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert status == 0 and err == ""
    assert rows["parameter"] == ["unit", "from", "to", "scale", "default"]
    assert rows["threshold_db"] == ["dB", "-80", "0", "linear", "-18"]
    assert rows["ratio"] == ["1", "20", "log", "4"]
    assert rows["detector"] == ["peak", "rms", "peak"]
    assert rows["linked"] == ["true", "false", "true"]
    assert "audio files: sidechain" in out
    assert "changes nothing with: ratio=1" in out


def test_bands_are_written_as_an_effect_takes_them(dasp):
    status, out, _ = dasp("show", "parametric_eq")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert status == 0
    assert rows["peak_freq_hz"] == [
        "(x4)", "Hz", "40/150/500/1500", "1000/4000/10000/16000", "log", "200/600/2000/6000"
    ]  # fmt: skip
    assert rows["peak_gain_db"] == ["(x4)", "dB", "-24", "24", "linear", "0"]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_keyword_of_every_processor(dasp, name):
    status, out, _ = dasp("show", name)
    shown = out.replace(",", " ").split()
    processor = CATALOGUE[name]
    assert status == 0
    assert {*processor.defaults(), *processor.inputs} <= set(shown)


def test_json_tells_the_same(dasp):
    status, out, _ = dasp("show", "compressor", "--json")
    document = json.loads(out)
    assert status == 0
    assert {p["name"]: p["default"] for p in document["parameters"] + document["options"]} == (
        COMPRESSOR.defaults()
    )
    assert document["parameters"][0]["unit"] == "dB"
    assert document["inputs"] == ["sidechain"]


def test_a_mix_says_what_is_switched_and_why_it_was_put_right(dasp, tmp_path):
    prepare = Preparation(inverted=True, because={"polarity": "correlation with b -0.82"})
    gain = Stage(GAIN, {"gain_db": -7.5})
    mix = Mix(44_100, (Track("a", "a.wav", prepare=prepare), Track("b", "b.wav", mute=True)))
    mix = replace(mix, master=(gain, gain._replace(on=False)))
    save_mix(tmp_path / "mix.json", mix)
    status, out, err = dasp("show", tmp_path / "mix.json")
    assert (status, err) == (0, "")
    assert "polarity turned" in out and "muted" in out and "correlation with b -0.82" in out
    assert "master: gain_2 bypassed" in out and out.count("-7.5 dB") == 1
    assert dasp("show", tmp_path / "mix.json", "--json")[0] == 2
    assert dasp("show", tmp_path / "none.json")[0] == 2


def test_an_unknown_name_suggests_the_nearest(dasp):
    status, out, err = dasp("show", "compresor")
    assert status == 2 and out == ""
    assert "no processor 'compresor'; did you mean 'compressor'?" in err
