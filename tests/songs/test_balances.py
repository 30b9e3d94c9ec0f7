"""Mixes in balances that nobody has chosen: one level, every time another balance."""

import torch

from dasp.songs.balances import LEVEL_DB, Balances
from dasp.songs.choice import made_songs
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.table import load_dataset
from tests.songs.trees import write

RATE = 8000


def test_mixes_have_one_level_and_different_balances():
    mixes = Balances(made_songs(range(1), sample_rate=RATE, seconds=4.0))
    x = mixes.batch(3, torch.Generator().manual_seed(0), seconds=1.0)
    assert x.shape == (3, 1, RATE)
    level_db = 20 * x.square().mean((1, 2)).sqrt().log10()
    torch.testing.assert_close(level_db, torch.full((3,), LEVEL_DB), atol=1e-3, rtol=0)
    assert (x[0] - x[1]).abs().max() > 0.01


def test_no_track_is_more_than_twelve_decibels_from_another():
    """Two orthogonal tracks, one recorded 40 dB under the other: their amplitudes in a mix."""
    time = torch.arange(RATE) / RATE
    tones = [torch.sin(2 * torch.pi * f * time)[None] for f in (500.0, 1000.0)]
    recordings = tuple(Recording(str(i), "other", 0.01**i * x) for i, x in enumerate(tones))
    mixes = Balances([Multitrack("song", RATE, recordings)])
    drawn = mixes.batch(40, torch.Generator().manual_seed(0), seconds=1.0)
    low, high = (20 * (drawn @ tone.T).abs().flatten().log10() for tone in tones)
    assert (low - high).abs().max() < 12.01 and (low - high).abs().max() > 6


def test_the_same_generator_draws_the_same():
    mixes = Balances(made_songs(range(2), sample_rate=RATE, seconds=2.0))
    drawn = [mixes.draw(torch.Generator().manual_seed(5), 1.0) for _ in range(2)]
    assert torch.equal(*drawn)


def test_excerpts_of_files_are_mixed_too(tmp_path):
    """Of a stereo and of a mono track, the shorter one silent at its end."""
    write(tmp_path / "song" / "stems" / "bass.wav", frames=2 * RATE, rate=RATE, channels=2)
    write(tmp_path / "song" / "stems" / "kick.wav", frames=RATE, rate=RATE)
    mixes = Balances(load_dataset(f"songs:{tmp_path}", sample_rate=RATE))
    x = mixes.batch(4, torch.Generator().manual_seed(0), seconds=0.5)
    assert x.shape == (4, 1, RATE // 2)
    level_db = 20 * x.square().mean((1, 2)).sqrt().log10()
    torch.testing.assert_close(level_db, torch.full((4,), LEVEL_DB), atol=1e-3, rtol=0)
