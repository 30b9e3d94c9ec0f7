import sys

import pytest
import yaml

from dasp.songs.medleydb import load_medleydb
from tests.songs.trees import write

METADATA = {
    "raw_dir": "Ünger Song_RAW",
    "stem_dir": "Ünger Song_STEMS",
    "instrumental": "no",
    "stems": {
        "S01": {
            "instrument": "drum set",
            "filename": "Ünger Song_STEM_01.wav",
            "raw": {
                "R02": {"filename": "Ünger Song_RAW_01_02.wav", "instrument": "snare drum"},
                "R01": {"filename": "Ünger Song_RAW_01_01.wav", "instrument": "kick drum"},
            },
        },
        "S02": {
            "instrument": ["synthesizer"],
            "filename": "Ünger Song_STEM_02.wav",
            "raw": {"R01": {"filename": "Ünger Song_RAW_02_01.wav", "instrument": "synthesizer"}},
        },
        "S03": {"instrument": "female singer", "filename": "Ünger Song_STEM_03.wav"},
    },
}


@pytest.fixture
def root(tmp_path):
    song = tmp_path / "V1" / "Ünger Song"
    write(song / "Ünger Song_MIX.wav", channels=2)
    for stem in (1, 2, 3):
        write(song / f"Ünger Song_STEMS/Ünger Song_STEM_0{stem}.wav", channels=2)
    for raw, subtype in (("01_01", "PCM_24"), ("01_02", "FLOAT")):
        write(song / f"Ünger Song_RAW/Ünger Song_RAW_{raw}.wav", subtype=subtype)
    text = yaml.safe_dump(METADATA, allow_unicode=True)
    (song / "Ünger Song_METADATA.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_raw_tracks_in_the_order_of_the_metadata(root):
    (song,) = load_medleydb(root)
    assert song.name == "Ünger Song"
    assert song.names == ("Ünger Song_RAW_01_01", "Ünger Song_RAW_01_02")
    assert song.roles == ("kick", "snare")
    assert song.notes == ("Ünger Song_RAW_02_01.wav: listed in the metadata, but not there",)
    assert song.details["instrumental"] == "no"
    assert song.mix().shape == (2, 400) and [t.shape for t in song.tracks] == [(1, 400)] * 2


def test_stems_and_their_roles(root):
    (song,) = load_medleydb(root, tracks="stems")
    assert song.roles == ("drums", "synth", "vocal") and song.channels == (2, 2, 2)


def test_without_metadata_the_files_are_tracks_of_no_role(root):
    (root / "V1/Ünger Song/Ünger Song_METADATA.yaml").unlink()
    (song,) = load_medleydb(root)
    assert song.names == ("Ünger Song_RAW_01_01", "Ünger Song_RAW_01_02")
    assert song.roles == ("other", "other")
    assert song.notes == ("Ünger Song: no metadata, so the instruments are not known",)


def test_metadata_in_a_folder_of_its_own(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("metadata")
    here = root / "V1/Ünger Song/Ünger Song_METADATA.yaml"
    here.rename(folder / here.name)
    assert load_medleydb(root, metadata=folder)[0].roles == ("kick", "snare")


def test_damaged_metadata_and_a_missing_package_are_named(root, monkeypatch):
    (root / "V1/Ünger Song/Ünger Song_METADATA.yaml").write_text("stems: [1", encoding="utf-8")
    with pytest.raises(ValueError, match=r"METADATA\.yaml: not a YAML text"):
        load_medleydb(root)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ImportError, match=r'pip install "dasp-audio\[data\]"'):
        load_medleydb(root)


def test_a_folder_without_songs_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no songs found; expected Song/Song_MIX\.wav"):
        load_medleydb(tmp_path)
