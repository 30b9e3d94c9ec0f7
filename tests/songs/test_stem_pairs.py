"""Raw tracks and stems: what the engineer did, the stretch with most energy, and all keys."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.mixing.mixdown import mix_down
from dasp.songs.engineer import engineers_mix
from dasp.songs.stem_pairs import (
    INSTRUMENTS,
    LUFS,
    PITCHES_CENTS,
    SECONDS,
    cut_pair,
    made_pairs,
    stem_of,
)
from dasp.songs.synthetic import synthetic_song

RATE = 22_050


def test_there_are_17_keys_of_every_pair_four_semitones_either_way_in_quarter_tones():
    assert len(PITCHES_CENTS) == 17
    assert (min(PITCHES_CENTS), max(PITCHES_CENTS)) == (-400.0, 400.0)
    assert {b - a for a, b in pairwise(PITCHES_CENTS)} == {50.0}
    assert 0.0 in PITCHES_CENTS and SECONDS == 10.0


def test_the_segments_of_the_poster_are_17_of_each_stem():
    """Its table has 1020, 1224, 969 and 884 segments to learn from."""
    stems = {"bass": 60, "guitar": 72, "vocals": 57, "keys": 52}
    segments = {group: count * len(PITCHES_CENTS) for group, count in stems.items()}
    assert segments == {"bass": 1020, "guitar": 1224, "vocals": 969, "keys": 884}
    assert list(segments) == list(INSTRUMENTS)


def test_stems_add_up_to_the_mix_before_its_master():
    """Each has its own part of the room, which is linear."""
    song = synthetic_song(3, seconds=2.0, sample_rate=RATE, ensemble=("bass", "keys", "vocal"))
    mix = replace(engineers_mix(song, 3), master=())
    stems = [stem_of(track, mix, i) for i, track in enumerate(song.tracks)]
    torch.testing.assert_close(sum(stems), mix_down(song.tracks, mix), atol=1e-5, rtol=0)
    assert any(track.sends_db for track in mix.tracks)


def test_of_several_raw_tracks_the_one_with_most_energy_in_the_stretch_counts():
    x = torch.zeros(3, 1, 2 * RATE)
    tone = torch.sin(torch.arange(2 * RATE) * torch.tensor([0.3, 0.2, 0.1])[:, None])
    x[0, 0, :RATE] = tone[0, :RATE]  # loud, elsewhere
    x[1, 0, RATE:] = 0.1 * tone[1, RATE:]
    x[2, 0, RATE:] = 0.2 * tone[2, RATE:]
    stem = torch.stack((tone[2], 0.5 * tone[2]))
    pair = cut_pair(list(x), stem, RATE, start=RATE, seconds=1.0)
    assert pair.raw.shape == pair.stem.shape == (RATE,)
    torch.testing.assert_close(pair.raw, pair.stem, atol=1e-4, rtol=0)
    assert measure_loudness(pair.raw[None], RATE).item() == pytest.approx(LUFS, abs=0.01)
    with pytest.raises(ValueError, match="raws"):
        cut_pair([], stem, RATE, start=0, seconds=1.0)


def test_a_song_gives_a_pair_of_each_group_in_each_key():
    own, higher = made_pairs(
        1, pitches_cents=(0.0, 100.0), seconds=1.0, song_seconds=2.0, sample_rate=RATE
    )
    assert list(own) == list(higher) == ["bass", "guitar", "vocals", "keys"]
    for group, pair in own.items():
        assert pair.raw.shape == pair.stem.shape == higher[group].raw.shape == (RATE,)
        assert not torch.equal(pair.raw, pair.stem)
        for audio in (*pair, *higher[group]):
            assert measure_loudness(audio[None], RATE).item() == pytest.approx(LUFS, abs=0.01)


def test_another_key_is_another_pitch_and_no_other_speed():
    low, high = made_pairs(
        2, pitches_cents=(0.0, 1200.0), seconds=1.0, song_seconds=1.0, sample_rate=RATE
    )

    def fundamental(x):
        spectrum = torch.fft.rfft(x * torch.hann_window(len(x))).abs()
        return spectrum[:400].argmax().item()

    assert fundamental(high["bass"].raw) == pytest.approx(2 * fundamental(low["bass"].raw), abs=2)
