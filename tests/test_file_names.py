"""Names of files, in every form that systems have for them."""

import os
from pathlib import Path

import pytest

from dasp.file_names import as_found, in_a_text, named_from, within_longer_name

COMPOSED, APART = "Caf\u00e9 \u00fc.wav", "Cafe\u0301 u\u0308.wav"


@pytest.mark.parametrize("on_disk, asked", [(COMPOSED, APART), (APART, COMPOSED)])
def test_a_name_is_found_in_either_form(tmp_path, on_disk, asked):
    (tmp_path / on_disk).mkdir()
    (tmp_path / on_disk / on_disk).touch()
    assert as_found(tmp_path / asked / asked).samefile(tmp_path / on_disk / on_disk)


def test_the_form_that_was_asked_for_comes_first(tmp_path):
    (tmp_path / COMPOSED).write_text("composed")
    (tmp_path / APART).write_text("apart")
    assert as_found(tmp_path / COMPOSED) == tmp_path / COMPOSED
    assert as_found(tmp_path / APART) == tmp_path / APART


def test_what_is_not_there_keeps_its_name(tmp_path):
    for name in ("none.wav", COMPOSED, f"{APART}/{COMPOSED}"):
        assert as_found(tmp_path / name) == tmp_path / name


def test_a_document_names_files_from_its_folder(tmp_path):
    (tmp_path / "songs").mkdir()
    assert named_from(tmp_path / "songs" / "a.wav", tmp_path) == "songs/a.wav"
    assert named_from(tmp_path / "a.wav", tmp_path / "songs") == "../a.wav"


def test_a_folder_behind_a_link_is_left_as_the_system_leaves_it(tmp_path):
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away")
    (tmp_path / "a.wav").write_text("here")
    place = named_from(tmp_path / "a.wav", tmp_path / "link")
    assert (tmp_path / "link" / place).read_text() == "here"


def test_between_drives_a_file_has_its_full_name(tmp_path, monkeypatch):
    def no_way(*_):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", no_way)
    assert named_from(tmp_path / "a.wav", Path("elsewhere")) == (tmp_path / "a.wav").as_posix()


@pytest.mark.parametrize("name", ["a.wav", "a" * 251 + ".wav", "\u00fc" * 120 + ".wav"])
def test_a_name_fits_within_a_longer_one(name):
    short = within_longer_name(name)
    assert len(os.fsencode(short)) <= 100
    assert (short == name) == (len(os.fsencode(name)) <= 100)
    assert short != within_longer_name(name + "x")


def test_bytes_that_are_no_text_are_written_out_in_a_text():
    assert in_a_text(os.fsdecode(b"k\xffck")) == r"k\udcffck"
    assert in_a_text(COMPOSED) == COMPOSED
