import json

import pytest

from dasp.mixing.settings import Mix, Stage, Track, load_mix, save_mix, setting
from dasp.processors.catalogue import COMPRESSOR, GAIN, STEREO_PANNER

STRIP = (Stage(GAIN, {"gain_db": -3.2}), Stage(STEREO_PANNER, {"pan": 0.25}))


def _mix(folder):
    tracks = (
        Track("kick", str(folder / "stems" / "kick.wav"), "kick", STRIP),
        Track("Überstück 2", str(folder / "stems" / "Überstück 2.wav")),
    )
    return Mix(44_100, tracks, (Stage(COMPRESSOR, {"ratio": 2.0, "detector": "rms"}),))


def test_a_mix_comes_back_as_it_was(tmp_path):
    mix = _mix(tmp_path)
    save_mix(tmp_path / "mix.json", mix)
    assert load_mix(tmp_path / "mix.json") == mix


def test_files_are_relative_to_the_document(tmp_path):
    save_mix(tmp_path / "mix.json", _mix(tmp_path))
    document = json.loads((tmp_path / "mix.json").read_text(encoding="utf-8"))
    assert [track["file"] for track in document["tracks"]] == [
        "stems/kick.wav",
        "stems/Überstück 2.wav",
    ]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    (tmp_path / "mix.json").rename(moved / "mix.json")
    assert load_mix(moved / "mix.json").tracks[0].file == str(moved / "stems" / "kick.wav")


def test_settings_are_found_in_a_strip():
    assert setting(STRIP, "pan") == 0.25
    assert setting(STRIP, "width", 1.0) == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "dasp-chain"}, r'expected a mix, an object with "format": "dasp-mix"'),
        ({"version": 2}, r"expected version 1, got 2"),
        ({"sample_rate": "44100"}, r"sample_rate: expected a positive whole number"),
        ({"tracks": []}, r"tracks: expected a list of at least one track"),
        ({"tracks": [{"name": "a"}]}, r"tracks\[0\].file: expected a text, got None"),
        ({"tracks": [{"name": "a", "file": "a.wav", "gian": 1}]}, r"tracks\[0\]: unknown key"),
        ({"tracks": ["a.wav"]}, r"tracks\[0\]: expected an object"),
        ({"mastr": []}, r"the mix: unknown key 'mastr'; did you mean 'master'"),
        ({"master": {}}, r"master: expected a list"),
        (
            {"master": [{"processor": "gain", "settings": {"gian_db": 1}}]},
            r"master\[0\]: gain has no parameter 'gian_db'; did you mean 'gain_db'",
        ),
        (
            {"master": [{"processor": "compressor", "settings": {"sidechain": "kick.wav"}}]},
            r"master\[0\]: sidechain: a mix cannot name files inside a strip",
        ),
        (
            {"master": [{"processor": "convolution_reverb"}]},
            r"master\[0\]: impulse_response: a mix cannot name files inside a strip",
        ),
        (
            {"master": [{"processor": "gain", "settings": {"gain_db": 1e9}}]},
            r"master\[0\]: gain_db: expected at least -60 and at most 24",
        ),
    ],
)
def test_a_wrong_document_is_refused_by_place(tmp_path, change, message):
    path = tmp_path / "mix.json"
    save_mix(path, _mix(tmp_path))
    document = {**json.loads(path.read_text(encoding="utf-8")), **change}
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ValueError, match=message) as refusal:
        load_mix(path)
    assert str(path) in str(refusal.value)


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "mix.json").write_text("[")
    with pytest.raises(ValueError, match=r"mix.json: not a JSON text"):
        load_mix(tmp_path / "mix.json")
