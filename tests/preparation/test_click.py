"""A metronome is told by its name, or by its sound where its name says nothing; music is none."""

import pytest
import torch

from dasp.mixing.roles import guess_role
from dasp.mixing.song import Song
from dasp.preparation import prepare_song
from dasp.preparation.click import click_track
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import synthetic_song

RATE, SECONDS = 16_000, 12.0


def ticks(starts_s, hz=1000.0, decay_s=0.005, accent=4, noise=0.0):
    """A metronome `(1, time)`: the first of each bar higher and louder."""
    x = torch.zeros(1, round(SECONDS * RATE))
    draw = torch.Generator().manual_seed(0)
    t = torch.arange(RATE // 2) / RATE
    for i, start_s in enumerate(starts_s):
        first = i % accent == 0
        tone = torch.sin(2 * torch.pi * hz * (1.5 if first else 1.0) * t)
        tone = (1 - noise) * tone + noise * torch.randn(len(t), generator=draw)
        place = round(start_s * RATE)
        rest = x[0, place : place + len(t)]
        rest += ((1.0 if first else 0.6) * tone * torch.exp(-t / decay_s))[: len(rest)]
    return 0.4 * x / x.abs().max()


def told(name, x):
    return click_track(name, guess_role(name), x, RATE)


EVEN = torch.arange(0.25, SECONDS - 0.5, 0.5).tolist()


def test_a_metronome_is_told_by_its_name_and_by_its_sound():
    assert "by its name: 23 beats in even steps of 500 ms" in told("Click", ticks(EVEN))
    assert "by its sound: 23 short beats" in told("Audio 07", ticks(EVEN))


def test_a_name_is_enough_where_the_tempo_changes_and_a_sound_is_not():
    slower = torch.tensor(EVEN).square().div(SECONDS).tolist()[4:]
    assert "in uneven steps" in told("01_Metronome", ticks(slower))
    assert told("Audio 07", ticks(slower)) is None


@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("hat", ticks(EVEN)),
        ("clicks", ticks(torch.rand(20).mul(11).sort().values.tolist(), 200.0, 0.2, 1, 1.0)),
        ("Audio 07", ticks(EVEN[:16])),
        ("Audio 07", ticks(EVEN, hz=60.0)),
        ("Audio 07", ticks(EVEN, decay_s=0.1)),
        ("Audio 07", ticks(EVEN, noise=1.0)),
        ("Audio 07", ticks(EVEN) + 0.01 * torch.sin(torch.arange(round(SECONDS * RATE)) * 0.1)),
        ("Audio 07", torch.zeros(1, RATE)),
    ],
    ids=["hat", "music", "half a song", "kick", "ringing", "noise", "between", "silence"],
)
def test_music_is_no_metronome(name, x):
    assert told(name, x) is None


def test_no_track_of_made_songs_is_one_whatever_it_is_called():
    for seed in range(2):
        song = synthetic_song(seed, seconds=8.0, sample_rate=RATE)
        for x in song.tracks:
            assert told("Audio 07", x) is None


@pytest.mark.long
def test_no_real_track_is_one_whatever_it_is_called(shared_data):
    folders = sorted([*shared_data.glob("song_*/stems"), *shared_data.glob("drums_*/tracks")])
    for folder in folders:
        song = load_folder(folder)
        for x in song.tracks:
            assert click_track("Audio 07", "other", x, song.sample_rate) is None


def test_a_word_of_a_person_brings_it_back():
    song = synthetic_song(0, seconds=SECONDS, sample_rate=RATE, ensemble=("kick", "vocal")).song
    tracks = (*song.tracks, ticks(EVEN)[..., : song.tracks[0].shape[-1]])
    song = Song((*song.names, "Click"), (*song.roles, "other"), tracks, RATE)
    assert [track.mute for track in prepare_song(song).mix.tracks] == [False, False, True]
    assert not prepare_song(song, parts_by_word=("Click",)).mix.tracks[2].mute
