"""Names: what is meant by them, and that none leads out of its folder."""

from pathlib import Path

import pytest

from dasp.batch.paths import find_files, find_songs, inside


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name in ("in/a.wav", "in/x/b.flac", "in/x/y/c.WAV", "in/notes.txt", "in/.hidden/d.wav",
                 "in/x/.e.wav", "in/odd [1].wav"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)


def _relative(found):
    return {item.path.as_posix(): item.relative.as_posix() for item in found}


def test_what_files_are_meant(tree):
    assert _relative(find_files(["in"])) == {
        "in/a.wav": "a.wav",
        "in/odd [1].wav": "odd [1].wav",
        "in/x/b.flac": "x/b.flac",
        "in/x/y/c.WAV": "x/y/c.WAV",
    }
    assert _relative(find_files(["in/**/*.flac"])) == {"in/x/b.flac": "x/b.flac"}
    assert _relative(find_files(["*/x/*.flac"])) == {"in/x/b.flac": "in/x/b.flac"}
    assert _relative(find_files(["in/x/b.flac", "in/x/b.flac"])) == {"in/x/b.flac": "b.flac"}
    assert _relative(find_files(["in/odd [1].wav"])) == {"in/odd [1].wav": "odd [1].wav"}
    assert _relative(find_files(["in/gone.wav"])) == {"in/gone.wav": "gone.wav"}
    assert find_files(["in/*.mp3"]) == []


def test_what_songs_are_meant(tree):
    assert _relative(find_songs(["in/x"])) == {"in/x": "x", "in/x/y": "y"}
    assert _relative(find_songs(["in/*"])) == {"in/x": "x", "in/x/y": "x/y"}


def test_songs_are_read_as_every_command_reads_them(tmp_path, monkeypatch):
    """Stems in their folder beside a mix, one song; mixes alone, and mixes of dasp, none."""
    monkeypatch.chdir(tmp_path)
    for name in ("in/a/stems/kick.wav", "in/a/mix.wav", "in/a/other/x.wav", "in/b/kick.wav",
                 "in/b/mix.wav", "in/mixes/mix 1.wav", "in/a.wav", "in/c/tracks/kick.wav",
                 "in/c/stems/kick.wav"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "in/a.json").write_text('{"format": "dasp-mix", "tracks": []}')
    assert _relative(find_songs(["in"])) == {"in/a": "a", "in/b": "b", "in/c": "c"}
    assert _relative(find_songs(["in/*/stems"])) == {
        "in/a/stems": "a/stems",
        "in/c/stems": "c/stems",
    }


def test_a_name_inside(tmp_path):
    assert inside(tmp_path, "a/b c.wav") == tmp_path / "a" / "b c.wav"
    assert inside(tmp_path, "..a.wav") == tmp_path / "..a.wav"
    assert inside(tmp_path / "not there yet", "a.wav").name == "a.wav"


@pytest.mark.parametrize(
    "name",
    ["../a.wav", "a/../../b.wav", "a/..", "..", ".", "", "/etc/a.wav", "a\0.wav",
     "C:a.wav", "C:\\a.wav", "\\\\host\\a.wav", "a\\..\\..\\b.wav"],
)  # fmt: skip
def test_a_name_that_leads_out(tmp_path, name):
    with pytest.raises(ValueError, match="no name of a file within"):
        inside(tmp_path, name)


def test_a_symbolic_link_that_leads_out(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out" / "loop").symlink_to(tmp_path / "out")
    with pytest.raises(ValueError, match="a symbolic link leads out of"):
        inside(tmp_path / "out", "link/a.wav")
    assert inside(tmp_path / "out", "loop/a.wav") == Path(tmp_path / "out/loop/a.wav")
