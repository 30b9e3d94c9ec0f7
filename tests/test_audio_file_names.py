"""Audio files under names that systems allow and programs trip over."""

import os
import stat
import sys

import pytest
import torch

from dasp.audio_io import audio_info, load_audio, save_audio, save_blocks

RATE = 8000
X = torch.tensor([[0.25, -0.5]])
posix = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")


@posix
@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg"])
def test_a_name_that_is_no_utf_8(tmp_path, ending):
    path = tmp_path / os.fsdecode(b"k\xffck" + ending.encode())
    save_audio(path, X, RATE)
    assert audio_info(path).frames == 2
    save_blocks(path, lambda: [X], RATE, frames=2, overwrite=True)
    assert load_audio(path)[0].shape == (1, 2)


@pytest.mark.parametrize("letters", [241, 251])
@pytest.mark.parametrize("letter", ["a", "\u00fc"])
def test_a_name_as_long_as_it_can_be(tmp_path, letter, letters):
    path = tmp_path / (letter * (letters // len(letter.encode())) + ".wav")
    save_audio(path, X, RATE)
    save_blocks(path, lambda: [X], RATE, frames=2, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_the_other_form_of_accents_is_the_same_file(tmp_path):
    save_audio(tmp_path / "Caf\u00e9.wav", X, RATE)
    assert torch.equal(load_audio(tmp_path / "Cafe\u0301.wav")[0], X)


@pytest.mark.parametrize("save", [
    lambda path: save_audio(path, X, RATE, overwrite=True),
    lambda path: save_blocks(path, lambda: [X], RATE, frames=2, overwrite=True),
])  # fmt: skip
def test_a_link_stays_and_a_file_keeps_its_mode(tmp_path, save):
    (tmp_path / "disk").mkdir()
    there, link = tmp_path / "disk" / "real.wav", tmp_path / "link.wav"
    save_audio(there, 0 * X, RATE)
    there.chmod(0o640)
    link.symlink_to("disk/real.wav")
    save(link)
    assert link.is_symlink() and torch.equal(load_audio(there)[0], X)
    assert stat.S_IMODE(there.stat().st_mode) == 0o640
    assert [entry.name for entry in there.parent.iterdir()] == ["real.wav"]


def test_a_link_to_nothing_yet_is_filled(tmp_path):
    link = tmp_path / "link.wav"
    link.symlink_to("new.wav")
    save_audio(link, X, RATE)
    assert link.is_symlink() and torch.equal(load_audio(tmp_path / "new.wav")[0], X)
