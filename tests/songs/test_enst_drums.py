import pytest
import torch

from dasp.songs.enst_drums import load_enst_drums
from tests.songs.trees import write

KIT = ("hi-hat", "kick", "overhead_L", "overhead_R", "snare", "tom_1", "tom_2")


@pytest.fixture
def root(tmp_path):
    for drummer, toms, name in (
        (1, ("tom_3",), "066_phrase_shuffle-blues_complex_fast_sticks.wav"),
        (2, (), "107_minus-one_salsa_sticks.wav"),
    ):
        audio = tmp_path / f"drummer_{drummer}" / "audio"
        for microphone in (*KIT, *toms):
            write(audio / microphone / name)
        write(audio / "dry_mix" / name, channels=2)
        write(audio / "wet_mix" / name, channels=2, frames=300)
        write(audio / "wet_mix" / name.replace(".wav", "_norm.wav"), channels=2)
        (audio.parent / "annotation").mkdir()
    write(tmp_path / "drummer_2/audio/accompaniment/107_minus-one_salsa_sticks.wav", channels=2)
    return tmp_path


def test_slots_roles_mixes_and_details(root):
    blues, salsa = load_enst_drums(root)
    assert blues.names == (*KIT, "tom_3") and salsa.names == KIT
    assert blues.roles == ("hihat", "kick", *["overhead"] * 2, "snare", *["tom"] * 3)
    assert blues.name == "drummer_1/066_phrase_shuffle-blues_complex_fast_sticks"
    assert blues.details == {"drummer": "drummer_1", "number": "066", "type": "phrase"}
    assert salsa.details["type"] == "minus-one"
    assert salsa.details["accompaniment"].parent.name == "accompaniment"
    assert [mix.name for mix in salsa.mixes] == ["dry", "wet"]
    wet = salsa.mix("wet")
    assert wet.shape == (2, 400) and not wet[:, 300:].any() and wet[:, :300].any()


def test_copies_are_no_songs_and_no_mixes(root):
    write(root / "drummer_1/audio/kick/066_phrase_x_norm.wav")
    songs = load_enst_drums(root)
    assert len(songs) == 2
    assert not any(mix.source.stem.endswith("_norm") for song in songs for mix in song.mixes)


def test_a_silent_microphone_is_a_track(root):
    name = "107_minus-one_salsa_sticks.wav"
    (root / "drummer_2/audio/tom_2" / name).unlink()
    write(root / "drummer_2/audio/tom_2" / name, silent=True)
    song = load_enst_drums(root)[1]
    assert song.names == KIT and torch.equal(song.tracks[6], torch.zeros(1, 400))


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected ENST-Drums, with a folder drummer_1"):
        load_enst_drums(tmp_path)
