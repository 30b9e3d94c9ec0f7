import torch

from dasp.songs.cache import cached
from dasp.songs.multitrack import load_folder
from tests.songs.trees import write


def test_copies_hold_the_same_samples_and_are_made_once(tmp_path):
    for name, rate, subtype in (("a.wav", 44_100, "PCM_24"), ("b.wav", 22_050, "FLOAT")):
        write(tmp_path / "song" / name, rate=rate, subtype=subtype)
    write(tmp_path / "song" / "c.flac", channels=2, subtype="PCM_16")
    song = load_folder(tmp_path / "song", 44_100)
    copy = cached(song, tmp_path / "cache")
    assert copy.files[0] == song.files[0]
    assert all(file.parent == tmp_path / "cache" for file in copy.files[1:])
    for x, y in zip(song.tracks, copy.tracks, strict=True):
        assert torch.equal(x, y)
    made = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    assert cached(song, tmp_path / "cache").files == copy.files
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()} == made


def test_a_changed_file_is_copied_again(tmp_path):
    file = tmp_path / "song" / "a.flac"
    write(file, subtype="PCM_16")
    cached(load_folder(tmp_path / "song"), tmp_path / "cache")
    file.unlink()
    changed = write(file, frames=500, subtype="PCM_16")
    copy = cached(load_folder(tmp_path / "song"), tmp_path / "cache")
    torch.testing.assert_close(copy.tracks[0], changed, rtol=0, atol=2**-15)
