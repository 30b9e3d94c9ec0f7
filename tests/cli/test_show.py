"""`dasp show`."""

import json

import pytest

from dasp.processors.catalogue import CATALOGUE, COMPRESSOR


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


def test_an_unknown_name_suggests_the_nearest(dasp):
    status, out, err = dasp("show", "compresor")
    assert status == 2 and out == ""
    assert "no processor 'compresor'; did you mean 'compressor'?" in err
