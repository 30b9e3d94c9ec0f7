"""A song is the same whatever holds its tracks, and what holds none is refused."""

import pytest
import torch

from dasp.audio_io import save_audio
from dasp.mixing import Mix, Song, Track
from dasp.songs import load_song, open_song

RATE = 8000


@pytest.fixture
def tracks():
    return {"kick": 0.1 * torch.randn(1, 400), "lead vox": 0.1 * torch.randn(2, 400)}


@pytest.fixture
def folder(tmp_path, tracks):
    for name, audio in tracks.items():
        save_audio(tmp_path / f"{name}.wav", audio, RATE, subtype="FLOAT")
    return tmp_path


def test_all_that_holds_a_song_opens_alike(folder, tracks):
    audio = tuple(tracks.values())
    song = Song(("kick", "lead vox"), ("kick", "vocal"), audio, RATE)
    mix = load_song(folder).plain_mix()
    for opened in (
        open_song(folder),
        open_song(str(folder)),
        open_song(tracks, RATE),
        open_song(song),
        open_song(mix),
        open_song(open_song(mix)),
    ):
        assert (opened.names, opened.roles) == (song.names, song.roles)
        assert opened.sample_rate == RATE
        assert all(map(torch.equal, opened.tracks, audio))


def test_a_mix_has_its_own_roles(folder):
    mix = Mix(RATE, (Track("kick", str(folder / "kick.wav"), "bass"),))
    assert open_song(mix).roles == ("bass",)


def test_tensors_keep_their_gradient(tracks):
    tracks["kick"].requires_grad_()
    open_song(tracks, RATE).tracks[0].sum().backward()
    assert tracks["kick"].grad.eq(1).all()


@pytest.mark.parametrize(
    "source, rate, why",
    [
        ({"kick": torch.zeros(1, 8)}, None, "sample_rate: expected that of the tracks"),
        ({}, RATE, "at least one track"),
        ({"kick": torch.zeros(8)}, RATE, "kick: expected shape"),
        ({"kick": torch.zeros(2, 1, 8)}, RATE, r"kick: expected shape \(channels, time\)"),
        (Mix(RATE, (Track("kick"),)), None, r"tracks\[0\].file: 'kick' has none"),
        (Mix(RATE, (Track("kick", "kick.wav"),)), 44_100, "the song has 8000 Hz, got 44100"),
        ([torch.zeros(1, 8)], RATE, "expected a folder, tensors by name, .* got a list"),
        ("no/such/folder", None, "expected a folder of audio files"),
    ],
)
def test_what_is_no_song_is_refused(source, rate, why):
    with pytest.raises(ValueError, match=why):
        open_song(source, rate)
