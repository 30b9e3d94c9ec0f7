import torch

from dasp.mixing.document import load_mix
from dasp.mixing.mixdown import mix_down
from dasp.songs.folders import load_songs


def test_synthesised_stems_are_files_of_a_seed(dasp, tmp_path):
    for folder in ("a", "b"):
        status, out, _ = dasp(
            "synthesise", tmp_path / folder, "--seed", 3, "--seconds", 0.5, "--rate", 8000
        )
        assert status == 0 and out.count(".wav") == 8
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_songs_to_learn_from_are_stems_a_mix_and_its_settings(dasp, tmp_path):
    status, out, _ = dasp(
        "synthesise", tmp_path, "--seed", 7, "--songs", 2, "--mix", "--band", "drawn",
        "--seconds", 1.5, "--rate", 22_050,
    )  # fmt: skip
    assert status == 0 and out.count("mix.json") == 2
    songs = load_songs(tmp_path)
    assert [song.name for song in songs] == ["7", "8"]
    for song in songs:
        settings = load_mix(tmp_path / song.name / "mix.json", with_files=True)
        assert [track.name for track in settings.tracks] != []
        by_name = dict(zip(song.names, song.tracks, strict=True))
        heard = mix_down([by_name[track.name] for track in settings.tracks], settings)
        # All files are of 24 bits.
        torch.testing.assert_close(heard, song.mix("mix"), rtol=0, atol=1e-5)
    status, _, err = dasp(
        "synthesise", tmp_path, "--seed", 8, "--songs", 1, "--mix", "--seconds", 1
    )
    assert status == 1 and "exists already" in err
