import time

import pytest
import torch
from torch.utils.data import DataLoader

from dasp.analysis import measure_peak
from dasp.songs.instruments import INSTRUMENTS
from dasp.songs.score import PARTS, Note
from dasp.songs.synthetic import (
    LOUDEST_DB,
    QUIETEST_DB,
    SyntheticSongs,
    synthesise_song,
    synthetic_song,
)

RATE = 22_050


@pytest.fixture(scope="module")
def song():
    return synthesise_song(1, seconds=5.0, sample_rate=RATE)


@pytest.fixture(scope="module")
def everything():
    """Everybody, for long enough that all of them play."""
    song = synthetic_song(3, seconds=12.0, sample_rate=RATE, ensemble=list(PARTS))
    return dict(zip(song.names, song.tracks, strict=True))


def test_a_seed_is_a_song(song):
    again = synthesise_song(1, seconds=5.0, sample_rate=RATE)
    other = synthesise_song(2, seconds=5.0, sample_rate=RATE)
    for name, audio in song.items():
        assert torch.equal(audio, again[name])
        assert not torch.equal(audio, other[name])


def test_eight_tracks_of_the_asked_length_and_levels(song):
    assert len(song) == 8
    for name, audio in song.items():
        assert audio.shape == (2 if name == "pad" else 1, 5 * RATE)
        assert audio.dtype is torch.float32
        peak_db = measure_peak(audio, RATE).max().item()
        assert QUIETEST_DB - 1e-3 <= peak_db <= LOUDEST_DB + 1e-3


def test_recording_levels_differ_from_song_to_song():
    levels = [
        measure_peak(synthesise_song(seed, seconds=2.0, sample_rate=RATE)["bass"], RATE).item()
        for seed in range(8)
    ]
    assert max(levels) - min(levels) > 8


def test_every_part_has_an_instrument_that_sounds(everything):
    assert list(INSTRUMENTS) == list(PARTS) == list(everything)
    assert all(audio.any() for audio in everything.values())


def test_instruments_live_where_they_should(everything):
    """The octave that holds most of each instrument, in Hz."""
    centres = 1000 * 2.0 ** torch.arange(-5, 4)
    spectra = {}
    for name, audio in everything.items():
        power = torch.fft.rfft(audio.double()).abs().square().sum(0)
        freq = torch.arange(len(power)) * RATE / audio.shape[-1]
        spectra[name] = centres[
            torch.stack([power[(freq > c / 2**0.5) & (freq <= c * 2**0.5)].sum() for c in centres])
            .argmax()
        ].item()  # fmt: skip
    assert spectra["kick"] < 130 and spectra["tom"] < 260
    assert spectra["bass"] < 260
    assert min(spectra["hihat"], spectra["crash"], spectra["shaker"]) > 3000
    assert 200 < spectra["vocal"] < 2100


@pytest.mark.parametrize("instrument", ["guitar", "bass"])
def test_notes_sound_at_their_pitch(instrument):
    freq_hz = 233.08
    note = Note(0.0, 2.0, freq_hz)
    sound = INSTRUMENTS[instrument]((note,), 0.5, 2.0, RATE, torch.Generator())[0]
    spectrum = torch.fft.rfft(sound * torch.hann_window(len(sound)), 1 << 18).abs()
    around = slice(*(round(f * (1 << 18) / RATE) for f in (0.8 * freq_hz, 1.2 * freq_hz)))
    peak = (around.start + spectrum[around].argmax().item()) * RATE / (1 << 18)
    assert peak == pytest.approx(freq_hz, rel=0.003)


def test_hits_begin_where_their_notes_do():
    notes = tuple(Note(start_s, 0.3, 50.0, loud) for start_s, loud in ((0.5, 1.0), (1.25, 0.4)))
    sound = INSTRUMENTS["kick"](notes, 0.5, 2.0, RATE, torch.Generator().manual_seed(0))[0]
    assert not sound[: round(0.5 * RATE)].any()
    assert sound[round(0.5 * RATE) + 1] != 0
    assert not sound[round(0.8 * RATE) : round(1.25 * RATE)].any()
    assert sound[round(1.25 * RATE) + 1] != 0


@pytest.mark.long
def test_the_number_of_workers_and_threads_changes_nothing():
    songs = SyntheticSongs(3, first_seed=11, seconds=1.5, sample_rate=RATE, mixed=True)
    # Spawned, so that they share nothing with this process, not even how strings are hashed.
    in_workers = DataLoader(songs, batch_size=None, num_workers=2, multiprocessing_context="spawn")
    threads = torch.get_num_threads()
    try:
        for threads_here, there in zip((1, 2, 4), in_workers, strict=True):
            torch.set_num_threads(threads_here)
            here = songs[there.details["seed"] - 11]
            assert here.names == there.names
            assert here.details["sections"] == there.details["sections"]
            assert torch.equal(here.mix("engineer"), there.mix("engineer"))
            for a, b in zip(here.tracks, there.tracks, strict=True):
                assert torch.equal(a, b)
    finally:
        torch.set_num_threads(threads)


def test_songs_are_a_sequence():
    songs = SyntheticSongs(2, first_seed=5, seconds=0.5, sample_rate=RATE)
    assert [song.details["seed"] for song in songs] == [5, 6]
    with pytest.raises(IndexError, match="from 0 to 1, got 2"):
        songs[2]


@pytest.mark.long
def test_songs_are_made_fifty_times_as_fast_as_they_play():
    """In seconds of one processor, so that others at work on the machine do not count."""
    synthetic_song(0, seconds=1.0)
    began = time.process_time()
    for seed in range(1, 5):
        synthetic_song(seed, seconds=30.0)
    assert 4 * 30.0 / (time.process_time() - began) > 50


def test_meaningless_lengths_are_refused():
    with pytest.raises(ValueError, match="seconds: expected above 0"):
        synthesise_song(0, seconds=0.0)
