import pytest

from dasp.songs.mixing_secrets import load_mixing_secrets
from tests.songs.trees import write

FULL = "00010/tracks/Araujo_Song_Full"


@pytest.fixture
def root(tmp_path):
    for name in ("01_KickIn", "02_Snare Up", "03_Gtr"):
        write(tmp_path / FULL / f"{name}.wav", subtype="PCM_24")
    write(tmp_path / "00010/mixes/rough.wav", channels=2)
    write(tmp_path / "00011/tracks/Other_Full/Vox.wav", rate=48_000)
    return tmp_path


def test_roles_from_the_names_of_files(root):
    first, second = load_mixing_secrets(root)
    assert (first.name, second.name) == (FULL, "00011/tracks/Other_Full")
    assert first.roles == ("kick", "snare", "guitar") and second.roles == ("vocal",)
    assert first.mix("rough").shape == (2, 400) and second.mixes == ()
    assert second.notes == ("Vox: resampled from 48000 to 44100 Hz",)


def test_an_index_chooses_tracks_roles_and_splits(root):
    index = root / "songs.yaml"
    index.write_text(
        f"train:\n  {FULL}:\n    03_Gtr.wav: bass\n    01_KickIn.wav: kick\n"
        "    09_Gone.wav: piano\nval: {}\n"
    )
    (song,) = load_mixing_secrets(root, index=index)
    assert (song.names, song.roles) == (("03_Gtr", "01_KickIn"), ("bass", "kick"))
    assert song.split == "train"
    assert song.notes == ("09_Gone.wav: listed in the index, but not there",)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no songs found; expected ID/tracks"):
        load_mixing_secrets(tmp_path)
