import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import torch

from dasp.mixing import Channel, Preparation
from dasp.mixing.document import (
    CHANNEL_KEYS,
    MIX_KEYS,
    PREPARE_KEYS,
    TRACK_KEYS,
    from_document,
    load_mix,
    save_mix,
    to_document,
)
from dasp.mixing.mixdown import mix_down
from dasp.mixing.schema import mix_schema
from dasp.mixing.settings import Mix, Track
from dasp.processors.catalogue import COMPRESSOR, GAIN, STEREO_PANNER
from dasp.processors.stage import Stage, setting

DATA = Path(__file__).parent / "data"

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


def test_switches_and_preparation_come_back_as_they_were():
    prepare = Preparation((0.01, -0.02), True, True, -12.25, {"polarity": "turned: because"})
    tracks = (
        Track("kick", "kick.wav", mute=True, prepare=prepare),
        Track("voice", "voice.wav", solo=True, strip=(Stage(GAIN, {"gain_db": 1.0}, on=False),)),
    )
    channels = (Channel("drums", mute=True),), (Channel("room", solo=True),)
    mix = Mix(44_100, tracks, (Stage(COMPRESSOR, {"ratio": 2.0}, on=False),), *channels)
    document = to_document(mix, Path())
    jsonschema.Draft202012Validator(mix_schema()).validate(json.loads(json.dumps(document)))
    assert from_document(document, Path()) == mix
    assert document["master"][0]["bypass"] is True and document["tracks"][0]["mute"] is True


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


def test_a_document_of_version_1_is_read_for_ever():
    mix = load_mix(DATA / "version_1.json")
    assert [track.name for track in mix.tracks] == [
        "bass", "guitar", "hihat", "keys", "kick", "pad", "snare", "vocal"
    ]  # fmt: skip
    assert mix.tracks[1].file == str(DATA / "stems" / "guitar.wav")
    assert setting(mix.tracks[1].strip, "gain_db") == 5.89
    assert [stage.processor.name for stage in mix.master] == ["compressor", "gain", "limiter"]
    assert mix_down(list(torch.randn(8, 1, 500)), mix).shape == (2, 500)


def test_a_document_of_version_2_is_read_for_ever():
    mix = load_mix(DATA / "version_2.json")
    kick, bass, vocal = mix.tracks
    assert kick.group == "drums" and kick.strip[1].locked and not kick.strip[0].locked
    assert bass.locked and bass.strip[2].sidechain == "kick"
    assert vocal.sends_db == {"reverb": -18.0, "echo": -24.0}
    assert vocal.strip[2].automation["gain_db"] == [-3.0, -3.0, 1.5, 0.0]
    assert mix_down(list(torch.randn(3, 1, 500)), mix).shape == (2, 500)
    document = json.loads((DATA / "version_2.json").read_text(encoding="utf-8"))
    assert to_document(mix, DATA) == _filled(document)


def test_a_mix_is_written_as_it_was(tmp_path):
    """With automation, groups, buses, a side chain, locks, and taps in numbers."""
    written = (DATA / "version_2_written.json").read_bytes()
    (tmp_path / "mix.json").write_bytes(written)
    save_mix(tmp_path / "again.json", load_mix(tmp_path / "mix.json"))
    assert (tmp_path / "again.json").read_bytes() == written


def test_two_tracks_of_one_name_are_not_written(tmp_path):
    mix = Mix(44_100, (Track("kick"), Track("snare"), Track("kick")))
    with pytest.raises(ValueError, match=r"tracks\[2\].name: 'kick' is the name of tracks\[0\]"):
        save_mix(tmp_path / "mix.json", mix)


def _filled(node):
    """The document with what a reader fills in: empty settings."""
    if isinstance(node, list):
        return [_filled(item) for item in node]
    if not isinstance(node, dict):
        return node
    extra = {"settings": {}} if "processor" in node and "settings" not in node else {}
    return {key: _filled(value) for key, value in node.items()} | extra


def test_the_schema_has_the_keys_that_are_read():
    schema = mix_schema()["properties"]
    track = schema["tracks"]["items"]["properties"]
    assert schema.keys() == set(MIX_KEYS[2]) and track.keys() == set(TRACK_KEYS[2])
    assert schema["groups"]["items"]["properties"].keys() == set(CHANNEL_KEYS)
    assert track["prepare"]["properties"].keys() == set(PREPARE_KEYS)


def test_the_schema_is_printed():
    done = subprocess.run(
        [sys.executable, "-m", "dasp.mixing.schema"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == json.loads(json.dumps(mix_schema()))


def test_documents_satisfy_the_schema(tmp_path):
    schema = json.loads(json.dumps(mix_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    document = json.loads((DATA / "version_2.json").read_text(encoding="utf-8"))
    validator.validate(document)
    save_mix(tmp_path / "mix.json", _mix(tmp_path))
    validator.validate(json.loads((tmp_path / "mix.json").read_text(encoding="utf-8")))
    for change in ({"version": 1}, {"tracks": []}, {"mastr": []},
                   {"master": [{"processor": "gain", "settings": {"gain": 1}}]},
                   {"master": [{"processor": "gain", "settings": {"gain_db": 99}}]}):  # fmt: skip
        assert not validator.is_valid({**document, **change})


def test_what_fits_stands_on_a_line(tmp_path):
    """A change of one setting is a change of one line."""
    texts = []
    for gain_db in (-3.25, 4.5):
        stages = (Stage(GAIN, {"gain_db": gain_db}), Stage(STEREO_PANNER, {"pan": 0.5}))
        save_mix(
            tmp_path / "mix.json",
            Mix(44_100, tuple(Track(n, "a.wav", strip=stages) for n in "abcde"), stages),
        )
        texts.append((tmp_path / "mix.json").read_text().splitlines())
    before, after = texts
    assert len(before) == len(after) and max(map(len, before)) <= 100
    changed = [line.strip(" ,") for line, other in zip(*texts, strict=True) if line != other]
    assert changed == ['{"processor": "gain", "settings": {"gain_db": -3.25}}'] * 6


def test_a_missing_file_is_named_by_place(tmp_path):
    save_mix(tmp_path / "mix.json", _mix(tmp_path))
    with pytest.raises(ValueError, match=r"mix.json: tracks\[0\].file: .*kick.wav: does not exist"):
        load_mix(tmp_path / "mix.json", with_files=True)


NODE = {"processor": "compressor", "settings": {"ratio": 2.0}}
TRACK = {"name": "a", "file": "a.wav"}
MOVING = {"time_s": [0, 1], "threshold_db": [-10, -20]}


def test_settings_are_found_in_a_strip():
    assert setting(STRIP, "pan") == 0.25
    assert setting(STRIP, "width", 1.0) == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "dasp-chain"}, r'expected a mix, an object with "format": "dasp-mix"'),
        ({"version": 3}, r"version: 3 is newer than the 2 that this dasp reads"),
        ({"version": "1"}, r"version: expected one of 1, 2, got '1'"),
        ({"sample_rate": "44100"}, r"sample_rate: expected a positive whole number"),
        ({"tracks": [TRACK, TRACK]}, r"tracks\[1\].name: 'a' is the name of tracks\[0\] as well"),
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
            {"master": [{"processor": "compressor", "settings": {"attack_s": 0.01}}]},
            r"master\[0\]: compressor has no parameter 'attack_s'; did you mean 'attack_ms'",
        ),
        ({"tracks": [{**TRACK, "group": "dums"}]}, r"tracks\[0\].group: no group 'dums'"),
        ({"tracks": [{**TRACK, "sends_db": {"hall": 0}}]}, r"tracks\[0\].sends_db: no bus 'hall'"),
        (
            {"tracks": [{**TRACK, "sends_db": {"hall": 90}}], "buses": [{"name": "hall"}]},
            r"tracks\[0\].sends_db: send.hall_db: expected at least -60 and at most 12",
        ),
        ({"tracks": [{**TRACK, "locked": "yes"}]}, r"tracks\[0\].locked: expected true or false"),
        ({"tracks": [{**TRACK, "mute": 1}]}, r"tracks\[0\].mute: expected true or false"),
        ({"buses": [{"name": "a", "solo": 1}]}, r"buses\[0\].solo: expected true or false"),
        ({"master": [{**NODE, "bypass": "no"}]}, r"master\[0\].bypass: expected true or false"),
        (
            {"tracks": [{**TRACK, "prepare": {"delay_samples": 1e6}}]},
            r"tracks\[0\].prepare: delay_samples: expected at least -10000 and at most 10000",
        ),
        (
            {"tracks": [{**TRACK, "prepare": {"offset": [2]}}]},
            r"tracks\[0\].prepare: offset: expected at least -1",
        ),
        (
            {"tracks": [{**TRACK, "prepare": {"because": {"polarty": "x"}}}]},
            r"no correction 'polarty'; did you mean 'polarity'",
        ),
        ({"groups": [{"name": "a"}, {"name": "a"}]}, r"groups\[1\].name: 'a' is there twice"),
        ({"groups": [{"name": "a"}], "buses": [{"name": "a"}]}, r"buses: 'a' is the name of a gr"),
        ({"buses": [{"name": "a", "sends": 1}]}, r"buses\[0\]: unknown key 'sends'"),
        ({"master": [{**NODE, "sidechain": "tuba"}]}, r"master\[0\].sidechain: no track 'tuba'"),
        (
            {"master": [{"processor": "gain", "sidechain": "kick"}]},
            r"master\[0\].sidechain: gain listens to no other track",
        ),
        (
            {"master": [{**NODE, "automation": {**MOVING, "threshold_db": [-10]}}]},
            r"master\[0\].automation.threshold_db: expected 2 values",
        ),
        (
            {"master": [{**NODE, "automation": {**MOVING, "time_s": [1, 0]}}]},
            r"master\[0\].automation.time_s: expected seconds that rise",
        ),
        (
            {"master": [{**NODE, "automation": {**MOVING, "ratio": [1, 2]}}]},
            r"master\[0\].automation: ratio stands in the settings as well",
        ),
        (
            {"master": [{**NODE, "automation": {**MOVING, "treshold_db": [1, 2]}}]},
            r"no parameter of compressor 'treshold_db'; did you mean 'threshold_db'",
        ),
        (
            {"master": [{"processor": "fir", "settings": {"taps": [[1, 2], [1]]}}]},
            r"master\[0\]: taps: expected a list of numbers",
        ),
        ({"version": 1, "buses": []}, r"the mix: unknown key 'buses'"),
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
