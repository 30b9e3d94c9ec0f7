import pytest

from dasp.songs.dsd100 import load_dsd100
from tests.songs.trees import write

STEMS = ("bass", "drums", "other", "vocals")


def test_splits_tracks_and_mixtures(tmp_path):
    for split, song in (("Dev", "001 - Ä B - C"), ("Test", "051 - D - E")):
        write(tmp_path / "Mixtures" / split / song / "mixture.wav", channels=2)
        for stem in STEMS:
            write(tmp_path / "Sources" / split / song / f"{stem}.wav", channels=2)
    dev, test = load_dsd100(tmp_path)
    assert (dev.name, dev.split) == ("001 - Ä B - C", "Dev") and test.split == "Test"
    assert dev.names == STEMS and dev.roles == ("bass", "drums", "other", "vocal")
    assert dev.mix().shape == dev.tracks[0].shape == (2, 400)


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected DSD100, with a folder Dev or Test"):
        load_dsd100(tmp_path)
