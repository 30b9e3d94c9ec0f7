"""The noise under a recording is what was put there, and music has none."""

import pytest
import torch

from dasp.analysis.energy import block_energies
from dasp.analysis.noise_floor import FRAME_S, find_noise_floor
from dasp.songs.synthetic import synthetic_song

RATE = 16_000
SIZE = round(FRAME_S * RATE)


def floor_of(x):
    return find_noise_floor(block_energies(x, SIZE).mean(0) / SIZE)


@pytest.mark.parametrize("level_db", [-70.0, -50.0])
def test_noise_between_words_is_found_at_its_level(level_db):
    noise, words = torch.randn(2, 1, 4 * RATE, generator=torch.Generator().manual_seed(0))
    talking = torch.arange(4 * RATE) // (RATE // 4) % 3 == 0
    found = floor_of(10 ** (level_db / 20) * noise + 0.2 * words * talking)
    assert found.level_db == pytest.approx(level_db, abs=0.5)
    assert found.under_db == pytest.approx(-14.0 - level_db, abs=0.5)
    assert found.pauses.float().mean().item() == pytest.approx(
        (~talking).float().mean().item(), abs=0.05
    )


def test_what_decays_into_silence_and_what_never_pauses_have_none():
    t = torch.arange(4 * RATE) / RATE
    note = torch.randn(1, 4 * RATE, generator=torch.Generator().manual_seed(0))
    assert floor_of(note * torch.exp(-3 * t)) is None
    assert floor_of(note) is None
    assert floor_of(note * (t < 1)) is None
    song = synthetic_song(2, seconds=6.0, sample_rate=RATE)
    assert all(floor_of(x) is None for x in song.tracks)


def test_a_row_of_powers_is_expected():
    with pytest.raises(ValueError, match="powers"):
        find_noise_floor(torch.ones(2, 50))
