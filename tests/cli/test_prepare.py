"""`dasp prepare`, and the same as a step of `dasp mix`."""

import json

import pytest
import torch

from dasp.audio_io import load_audio, save_audio
from dasp.mixing.document import load_mix

RATE = 16_000


@pytest.fixture
def stems(tmp_path):
    folder = tmp_path / "stems"
    folder.mkdir()
    draw = torch.Generator().manual_seed(0)
    bass, vocal = 0.05 * torch.randn(2, 1, 4 * RATE, generator=draw)
    for name, x in {
        "bass di": bass, "bass mic": -0.5 * bass + 0.005 * vocal, "tom": 0 * bass,
        "vocal": vocal + 0.01, "vocal b": vocal + 0.01,
    }.items():  # fmt: skip
        save_audio(folder / f"{name}.wav", x, RATE, subtype="FLOAT")
    return folder


def test_what_is_found_is_printed_and_written_and_no_file_is_changed(dasp, stems, tmp_path):
    before = {file.name: file.read_bytes() for file in stems.iterdir()}
    status, out, err = dasp("prepare", stems, "-o", tmp_path / "out")
    assert status == 0, err
    assert {file.name: file.read_bytes() for file in stems.iterdir()} == before
    for text in ("polarity turned: correlation with bass", "silent", "offset +0.0", "vocal again"):
        assert text in out
    mix = load_mix(tmp_path / "out" / "mix.json")
    assert [t.name for t in mix.tracks if t.mute] == ["tom", "vocal b"]
    assert [t.prepare.inverted for t in mix.tracks].count(True) == 1
    status, _, err = dasp("render", tmp_path / "out" / "mix.json", "-o", tmp_path / "y.wav",
                          "--subtype", "FLOAT")  # fmt: skip
    assert status == 0, err
    y, _ = load_audio(tmp_path / "y.wav")
    bass, mic, vocal = (load_audio(stems / f"{n}.wav")[0] for n in ("bass di", "bass mic", "vocal"))
    together = (bass - mic) * (1 if mix.tracks[1].prepare.inverted else -1)
    expected = together + vocal - vocal.mean()
    torch.testing.assert_close(y, expected.expand(2, -1), atol=1e-5, rtol=0)


def test_what_is_undone_is_left_as_it_was(dasp, stems, tmp_path):
    document = tmp_path / "mix.json"
    assert dasp("prepare", stems, "-o", document, "--undo", "vocal b", "--undo", "tom")[0] == 0
    assert not any(track.mute for track in load_mix(document).tracks)
    status, _, err = dasp("prepare", document, "--undo", "vocal:offset", "-o", document)
    assert status == 1 and "exists already" in err
    assert dasp("prepare", document, "--undo", "vocal:offset", "-o", document, "--force")[0] == 0
    mix = load_mix(document)
    assert [t.prepare.offset for t in mix.tracks if t.name == "vocal"] == [()]
    assert any(t.prepare.inverted for t in mix.tracks)
    assert dasp("prepare", document)[0] == 2
    status, _, err = dasp("prepare", stems, "--undo", "vocla")
    assert status == 1 and "did you mean 'vocal'" in err


def test_a_mix_prepares_its_tracks_and_says_so(dasp, stems, tmp_path):
    options = ("--system", "equal-loudness")
    status, _, err = dasp("mix", stems, "-o", tmp_path / "a.wav", *options)
    assert status == 0 and "note: vocal b: vocal again" in err and "polarity turned" in err
    document = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    of = {track["name"]: track for track in document["tracks"]}
    assert of["vocal b"]["mute"] and "mute" in of["vocal b"]["prepare"]["because"]
    status, _, err = dasp("render", tmp_path / "a.json", "-o", tmp_path / "again.wav")
    assert (
        status == 0 and (tmp_path / "again.wav").read_bytes() == (tmp_path / "a.wav").read_bytes()
    )

    status, _, err = dasp("mix", stems, "-o", tmp_path / "b.wav", *options, "--no-prepare")
    assert status == 0 and "polarity" not in err
    assert not any(t.prepare or t.mute for t in load_mix(tmp_path / "b.json").tracks)

    undo = ("--undo", "vocal b", "--undo", "bass di", "--undo", "bass mic")
    assert dasp("mix", stems, "-o", tmp_path / "c.wav", *options, *undo)[0] == 0
    mix = load_mix(tmp_path / "c.json")
    assert [t.name for t in mix.tracks if t.prepare] == ["tom", "vocal"]


def test_sound_stems_are_told_to_be(dasp, stems, tmp_path):
    for name in ("bass mic", "tom", "vocal", "vocal b"):
        (stems / f"{name}.wav").unlink()
    assert dasp("prepare", stems) == (0, "nothing is wrong that could be measured\n", "")


def test_a_click_is_left_out_until_somebody_says_what_it_is(dasp, stems, tmp_path):
    """By a role in an option or in the session file, or undone from the mix."""
    click = torch.zeros(1, 4 * RATE)
    click[:, :: RATE // 4] = 0.5
    save_audio(stems / "Click.wav", click, RATE, subtype="FLOAT")

    def mixed(name, *words):
        output = tmp_path / f"{name}.wav"
        status, _, err = dasp("mix", *words, "-o", output, "--system", "equal-loudness")
        assert status == 0, err
        (track,) = [t for t in load_mix(output.with_suffix(".json")).tracks if t.name == "Click"]
        return track, err

    track, err = mixed("a", stems)
    assert track.mute and "note: Click: a click track by its name: 16 beats" in err
    track, err = mixed("b", stems, "--role", "Click=percussion")
    assert not track.mute and track.role == "percussion" and "a click track" not in err
    assert not mixed("c", "--start", tmp_path / "a.json", "--undo", "Click")[0].mute
    (stems / "session.toml").write_text('[role]\nClick = "other"\n')
    assert not mixed("d", stems)[0].mute
    status, out, _ = dasp("prepare", stems)
    assert status == 0 and "click track" not in out


def test_nothing_is_undone_of_tracks_that_are_not_prepared(dasp, stems, tmp_path):
    status, _, err = dasp("mix", stems, "-o", tmp_path / "a.wav", "--no-prepare", "--undo", "tom")
    assert status == 2 and "--undo" in err and not (tmp_path / "a.wav").exists()
