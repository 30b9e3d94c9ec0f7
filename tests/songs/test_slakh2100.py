import pytest
import yaml

from dasp.songs.slakh2100 import load_slakh2100
from tests.songs.trees import write

STEMS = {
    "S00": {"inst_class": "Drums", "is_drum": True, "audio_rendered": True},
    "S01": {"inst_class": "Synth Pad", "is_drum": False, "audio_rendered": True},
    "S02": {"inst_class": "Bass", "is_drum": False, "audio_rendered": False},
    "S03": {"inst_class": "Reed", "is_drum": False, "audio_rendered": True},
}


@pytest.fixture
def root(tmp_path):
    for folder in ("train/Track00001", "test/Track01876"):
        for stem in STEMS:
            write(tmp_path / folder / "stems" / f"{stem}.flac", subtype="PCM_16")
        write(tmp_path / folder / "mix.flac", subtype="PCM_16")
    metadata = {"stems": STEMS, "overall_gain": 0.2}
    (tmp_path / "train/Track00001/metadata.yaml").write_text(yaml.safe_dump(metadata))
    return tmp_path


def test_stems_that_were_rendered(root):
    train, _ = load_slakh2100(root)
    assert (train.name, train.split) == ("Track00001", "train")
    assert train.names == ("S00 Drums", "S01 Synth Pad", "S03 Reed")
    assert train.roles == ("drums", "pad", "brass")
    assert train.details["overall_gain"] == 0.2
    assert train.mix().shape == (1, 400) and train.channels == (1, 1, 1)


def test_without_metadata_every_file_is_a_track_of_no_role(root):
    _, test = load_slakh2100(root)
    assert test.split == "test" and test.names == tuple(STEMS)
    assert test.roles == ("other",) * 4
    assert test.notes == ("Track01876: no metadata, so the instruments are not known",)
