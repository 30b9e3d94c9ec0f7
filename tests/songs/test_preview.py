"""The part of a song for a quick look: where most plays, and no more is read than that."""

import pytest
import torch

import dasp.songs.preview as under_test
from dasp.audio_io import load_pieces, save_audio
from dasp.songs import load_song
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.preview import preview

RATE = 8000


@pytest.fixture
def folder(tmp_path):
    """A minute of two tracks that play together from 0:30 to 0:40."""
    draw = torch.Generator().manual_seed(0)
    for name, (start, stop), rate in (("kick", (0, 40), RATE), ("vocal", (30, 60), 2 * RATE)):
        x = torch.zeros(1, 60 * rate)
        x[:, start * rate : stop * rate] = 0.1 * torch.randn((stop - start) * rate, generator=draw)
        save_audio(tmp_path / f"{name}.wav", x, rate)
    return tmp_path


def test_it_is_where_most_plays_and_equals_that_part_of_the_whole(folder):
    song = load_song(folder, sample_rate=RATE)
    found = preview(song, 10.0)
    assert found.start_s == pytest.approx(30.0, abs=1.0) and found.missing == ()
    whole = load_song(folder, sample_rate=RATE).tracks
    start = round(found.start_s * RATE)
    for part, track in zip(found.song.tracks, whole, strict=True):
        torch.testing.assert_close(part, track[:, start : start + 10 * RATE], atol=1e-6, rtol=0)
    assert found.song.files == song.files and found.song.plain_mix() == song.plain_mix()
    assert str(found).startswith("preview: 10 s from 0:") and "hold for the whole song" in str(
        found
    )


def test_little_is_read(folder, monkeypatch):
    song, read = load_song(folder, sample_rate=RATE), []

    def counted(*arguments, **keywords):
        for piece in load_pieces(*arguments, **keywords):
            read.append(piece.shape[-1])
            yield piece

    monkeypatch.setattr(under_test, "load_pieces", counted)
    preview(song, 10.0)
    assert 0 < sum(read) < 0.1 * (60 * RATE + 60 * 2 * RATE)


def test_a_track_that_does_not_play_there_is_told():
    x = torch.zeros(1, 100 * RATE)
    busy, late = x.clone(), x.clone()
    busy[:, 10 * RATE : 40 * RATE], late[:, 90 * RATE :] = 0.1, 0.1
    recordings = [Recording("busy", "other", busy), Recording("more", "other", busy),
                  Recording("late", "other", late)]  # fmt: skip
    found = preview(Multitrack("song", RATE, tuple(recordings)), 20.0)
    assert found.missing == ("late",)
    assert "for the whole song they do not hold: late do not play there" in str(found)


def test_a_short_song_is_taken_whole():
    song = Multitrack("song", RATE, (Recording("a", "other", torch.ones(1, RATE)),))
    found = preview(song, 20.0)
    assert (found.start_s, found.length_s) == (0.0, 1.0)
    assert torch.equal(found.song.tracks[0], song.tracks[0])
    with pytest.raises(ValueError, match="seconds: expected"):
        preview(song, 0.0)
