import stat

import pytest

from dasp.songs.musdb18 import STREAMS, load_musdb18, load_musdb18_hq
from tests.songs.trees import write


def test_the_uncompressed_songs(tmp_path):
    for split, song in (("train", "A - Ö"), ("test", "C - D")):
        for stream in STREAMS:
            write(tmp_path / split / song / f"{stream}.wav", channels=2)
    write(tmp_path / "train/A - Ö/drums_normalized.wav", channels=2)
    train, test = load_musdb18_hq(tmp_path)
    assert (train.name, train.split, test.split) == ("A - Ö", "train", "test")
    assert train.names == ("drums", "bass", "other", "vocals")
    assert train.roles == ("drums", "bass", "other", "vocal")
    assert train.mix("mixture").shape == (2, 400)


@pytest.fixture
def packed(tmp_path):
    root = tmp_path / "musdb18"
    (root / "train").mkdir(parents=True)
    (root / "train" / "A - B.stem.mp4").write_bytes(b"\0\0\0\x20ftypisom")
    return root


def test_without_ffmpeg_the_error_says_so(packed, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"A - B\.stem\.mp4: .*only ffmpeg reads; install ffmpeg"):
        load_musdb18(packed, tmp_path / "decoded")
    assert not (tmp_path / "decoded" / "train" / "A - B").exists()
    with pytest.raises(ValueError, match="load_musdb18 reads them"):
        load_musdb18_hq(packed)


def _ffmpeg(folder, script):
    folder.mkdir()
    program = folder / "ffmpeg"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_ffmpeg_writes_the_five_streams_once(packed, tmp_path, monkeypatch):
    """A stand-in that copies a file to each output, so that the command's arguments are seen."""
    write(tmp_path / "some.wav", channels=2)
    _ffmpeg(
        tmp_path / "bin",
        f'echo "$@" >> "{tmp_path}/calls"\n'
        f'for a in "$@"; do case "$a" in *.wav) cp "{tmp_path}/some.wav" "$a";; esac; done\n',
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for _ in range(2):
        (song,) = load_musdb18(packed, tmp_path / "decoded")
    assert song.names == ("drums", "bass", "other", "vocals") and song.split == "train"
    assert song.mix().shape == (2, 400)
    (call,) = (tmp_path / "calls").read_text().splitlines()
    for k, stream in enumerate(STREAMS):
        assert f"-map 0:a:{k} " in call and f"{stream}.wav" in call


def test_what_ffmpeg_says_is_passed_on(packed, tmp_path, monkeypatch):
    _ffmpeg(tmp_path / "bin", "echo moov atom not found >&2; exit 1\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(ValueError, match=r"ffmpeg could not read it \(moov atom not found"):
        load_musdb18(packed, tmp_path / "decoded")
    with pytest.raises(ValueError):
        load_musdb18_hq(tmp_path / "decoded")
