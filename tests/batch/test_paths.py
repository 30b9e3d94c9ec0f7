"""Names: what is meant by them, and that none leads out of its folder."""

import unicodedata
from pathlib import Path

import pytest

from dasp.audio_io import has_subtype, whole
from dasp.batch.paths import check_apart, find_files, find_songs, inside, remove_unfinished
from dasp.file_names import in_one_form
from dasp.songs.folders import read_song_folder


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


def test_a_file_that_is_a_link_out(tmp_path):
    """Links are followed when they are written to, so that this one would be written outside."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "near.wav").symlink_to("other.wav")
    (tmp_path / "out" / "far.wav").symlink_to(tmp_path / "precious.wav")
    assert inside(tmp_path / "out", "near.wav") == tmp_path / "out" / "near.wav"
    with pytest.raises(ValueError, match="a symbolic link leads out"):
        inside(tmp_path / "out", "far.wav")


@pytest.mark.parametrize("made, asked", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_are_found_however_they_are_composed(tmp_path, monkeypatch, made, asked):
    folder, name = "Caf\u00e9", "\u00fc.wav"
    on_disk = unicodedata.normalize(made, f"{folder}/{name}")
    monkeypatch.chdir(tmp_path)
    Path(on_disk).parent.mkdir()
    Path(on_disk).touch()
    for pattern in (f"{folder}/{name}", folder, f"{folder}/*.wav", "*/\u00fc*", f"**/{name}"):
        (found,) = find_files([unicodedata.normalize(asked, pattern)])
        assert found.path.samefile(on_disk)
    (song,) = find_songs([unicodedata.normalize(asked, folder)])
    assert song.path.samefile(Path(on_disk).parent)


def test_names_that_a_disk_takes_for_one(tmp_path, monkeypatch):
    composed, apart = tmp_path / "new" / "\u00e9.wav", tmp_path / "new" / "e\u0301.wav"
    other = tmp_path / "new" / "a.wav"
    (tmp_path / "\u00e9").touch()
    if not (tmp_path / "e\u0301").exists():
        check_apart([composed, apart, other])  # which are two here
    exists = Path.exists
    monkeypatch.setattr(
        Path, "exists", lambda p: any(in_one_form(q.name) == in_one_form(p.name)
                                      for q in p.parent.iterdir())
    )  # fmt: skip
    with pytest.raises(ValueError, match="are one on this disk"):
        check_apart([composed, apart, other])
    monkeypatch.setattr(Path, "exists", exists)
    assert [path.name for path in tmp_path.iterdir()] == ["\u00e9"]


def test_what_is_left_of_long_names_is_removed(tmp_path):
    target = tmp_path / ("a" * 250 + ".wav")
    with pytest.raises(KeyboardInterrupt), whole(target) as unfinished:
        unfinished.touch()
        left = tmp_path / f"{unfinished.name[:-6]}x{unfinished.name[-5:]}"
        left.touch()
        raise KeyboardInterrupt
    assert left.exists()
    remove_unfinished([target])
    assert not left.exists()


def test_links_to_folders_are_followed_and_go_round_nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in ("in/a/1.wav", "far/2.wav", "far/deep/3.WAV"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch()
    Path("in/link").symlink_to(tmp_path / "far")
    for name in ("round", "again"):
        Path("far", name).symlink_to(tmp_path / "in")
        Path("in/a", name).symlink_to("..")
    expected = ["a/1.wav", "link/2.wav", "link/deep/3.WAV"]
    for pattern in ("in", "in/**/*.[wW]*"):
        notes = []
        assert [f.relative.as_posix() for f in find_files([pattern], notes)] == expected
        loops = {note.partition(":")[0] for note in notes}
        assert loops == {"in/a/round", "in/a/again", "in/link/round", "in/link/again"}
    songs = [song.relative.as_posix() for song in find_songs(["in"])]
    assert songs == ["a", "link", "link/deep"]


ENDINGS = ".wav .wave .bwf .rf64 .w64 .flac .aif .aiff .aifc .au .snd .caf .mp3 .ogg .oga .opus"


@pytest.mark.parametrize("ending", ENDINGS.split())
def test_one_list_of_endings_for_all_that_look_for_audio(tmp_path, ending):
    """In any case; and what is left out is named."""
    for name in (f"one{ending}", f"TWO{ending.upper()}", f"._one{ending}", "film.m4a", "mix.json"):
        (tmp_path / name).touch()
    names = [f"TWO{ending.upper()}", f"one{ending}"]
    notes = []
    assert [found.path.name for found in find_files([str(tmp_path)], notes)] == names
    assert notes == [f"{tmp_path}: passed over 1 file that is no audio by its name: film.m4a"]
    song = read_song_folder(tmp_path)
    assert [file.name for file in song.tracks] == names and list(song.remarks) == notes
    has_subtype(tmp_path / names[1], "FLOAT")  # and each can be written


def test_many_files_are_passed_over_in_one_line(tmp_path):
    for k in range(10):
        (tmp_path / f"{k}.txt").touch()
    notes = []
    find_files([str(tmp_path)], notes)
    assert notes == [
        f"{tmp_path}: passed over 10 files that are no audio by their names: 0.txt, 1.txt, 2.txt, "
        f"3.txt, 4.txt, 5.txt, 6.txt, 7.txt and 2 more"
    ]
