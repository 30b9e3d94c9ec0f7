"""Where new files may go: what cannot be written is refused before anything is read."""

import json

import pytest
import torch

from dasp.audio_io import save_audio

RATE = 16_000

COMMANDS = {
    "mix": ("mix", "none", "-o", "{}.wav"),
    "process": ("process", "none.wav", "-e", "gain", "-o", "{}.wav"),
    "normalise": ("normalise", "none.wav", "-o", "{}.wav"),
    "normalise two": ("normalise", "none.wav", "other.wav", "-o", "{}"),
    "fit": ("fit", "none.wav", "other.wav", "-e", "gain", "-o", "{}.json"),
    "fit report": ("fit", "none.wav", "other.wav", "-e", "gain", "-o", "a", "--report", "{}.json"),
    "fit plot": ("fit", "none.wav", "other.wav", "-e", "gain", "-o", "a", "--plot", "{}.png"),
    "unmix": ("unmix", "none", "other.wav", "-o", "{}.json"),
    "unmix plot": ("unmix", "none", "other.wav", "-o", "a.json", "--plot", "{}.png"),
    "plot": ("plot", "-e", "gain", "-o", "{}.png"),
    "save chain": ("process", "none.wav", "-e", "gain", "-o", "a.wav", "--save-chain", "{}.json"),
    "synthesise": ("synthesise", "{}", "--seconds", "0.1"),
}
"""A new file each, of inputs that are not there: were they looked for first, that would be said."""


def _call(dasp, name, place):
    return dasp(*(word.format(place) for word in COMMANDS[name]))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_is_no_folder(dasp, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("precious")
    status, out, err = _call(dasp, name, "file/deep/new")
    assert (status, out) == (1, "") and "file is a file, and no folder" in err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", [name for name, words in COMMANDS.items() if "{}" not in words])
@pytest.mark.parametrize("force", [(), ("--force",)])
def test_a_folder_is_no_file(dasp, tmp_path, monkeypatch, name, force):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / COMMANDS[name][-1].format("new")
    folder.mkdir()
    status, out, err = dasp(*(word.format("new") for word in COMMANDS[name]), *force)
    if name in ("process", "normalise"):  # into the folder
        assert status == 1 and "none.wav: does not exist" in err
    else:
        assert (status, out) == (1, "") and "is a folder; expected the name of a file" in err


@pytest.mark.parametrize("name", ["mix", "process", "normalise"])
@pytest.mark.parametrize("ending", [".json", ".xyz", ""])
def test_an_ending_of_no_format(dasp, tmp_path, monkeypatch, name, ending):
    monkeypatch.chdir(tmp_path)
    words = [word.replace("{}.wav", f"new/a{ending}") for word in COMMANDS[name]]
    status, out, err = dasp(*words)
    assert (status, out) == (1, "") and "cannot tell the format from the name" in err
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_for_all_that_is_written(dasp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = 0.1 * torch.randn(1, RATE // 2, generator=torch.Generator().manual_seed(0))
    save_audio("a.wav", x, RATE)
    gain = ("-e", "gain:gain_db=-6")
    for words in (
        ("process", "a.wav", *gain, "-o", "1/new/b.wav", "--save-chain", "2/new/c.json"),
        ("fit", "a.wav", "1/new/b.wav", "-e", "gain", "--rounds", "1", "-o", "3/new/c.json",
         "--report", "4/new/r.json"),
        ("normalise", "a.wav", "-o", "5/new/b.wav"),
    ):  # fmt: skip
        assert dasp(*words)[0] == 0
    chains = [json.loads((tmp_path / place / "new/c.json").read_text()) for place in "23"]
    gains_db = [chain["chain"][0]["settings"]["gain_db"] for chain in chains]
    assert gains_db[0] == -6.0 and abs(gains_db[1] + 6.0) < 0.1


def test_new_names_that_differ_in_case_alone(dasp, tmp_path, monkeypatch):
    """Two names on this disk, or one: then the one file would be written over the other."""
    monkeypatch.chdir(tmp_path)
    for name in ("kick.wav", "Kick.flac"):
        save_audio(name, torch.full((1, 100), 0.1), RATE)
    monkeypatch.setattr("dasp.batch.paths._are_one", lambda target, other: True)
    words = ("kick.wav", "Kick.flac", "--format", "wav")
    for status, out, err in (
        dasp("normalise", *words, "--suffix", "_new"), dasp("normalise", *words, "-o", "new"),
    ):  # fmt: skip
        assert (status, out) == (1, "") and "are one on this disk" in err


def test_errors_of_the_system_name_the_file_first(dasp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = dasp("render", tmp_path, "-o", "a.wav")
    assert status == 1 and err == f"dasp render: {tmp_path}: Is a directory\n"


def test_a_folder_is_found_however_its_accents_are_composed(dasp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_audio("a.wav", torch.full((1, 100), 0.1), RATE)
    (tmp_path / "e\u0301").mkdir()
    for words, expected in (
        (("process", "a.wav", "-e", "gain", "-o", "\u00e9"), ""),
        (("normalise", "a.wav", "-o", "\u00e9"), "a.wav: exists already"),
        (("process", "a.wav", "-e", "gain", "-o", "\u00e9/b.wav"), ""),
    ):
        status, _, err = dasp(*words)
        assert status == bool(expected) and expected in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "e\u0301"]
