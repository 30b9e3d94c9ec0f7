"""Microphones that hear each other, against parts that were recorded apart."""

import pytest
import torch
from scipy.signal import coherence as scipy_coherence

from dasp.analysis.coherence import FFT_SIZE, measure_coherence
from dasp.controllers.console.recordings import COHERENT, recordings
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import synthetic_song

RATE = 16_000


def test_white_noise_has_the_coherence_of_its_mixing():
    """x and a x + b n of unit power have a² at every frequency."""
    x, n = torch.randn(2, 1, 20 * RATE, generator=torch.Generator().manual_seed(0))
    a = 0.6**0.5
    tracks = [x, a * x + (1 - a * a) ** 0.5 * n, n]
    found = measure_coherence(tracks, RATE)
    torch.testing.assert_close(found[0, 1].item(), 0.6, atol=0.03, rtol=0)
    _, squared = scipy_coherence(x[0].numpy(), tracks[1][0].numpy(), nperseg=FFT_SIZE)
    torch.testing.assert_close(found[0, 1].item(), float(squared.mean()), atol=0.02, rtol=0)
    assert found[0, 2] < 0.03 and found.diag().abs().max() == 0
    torch.testing.assert_close(found, found.mT)


def test_level_and_delay_and_silence_change_nothing():
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(1, 10 * RATE, generator=draw)
    late = 0.001 * torch.roll(x, 40, -1)
    found = measure_coherence([x, late, torch.zeros_like(x)], RATE)
    assert found[0, 1] > 0.95 and found[2].abs().max() == 0


def test_recordings_are_linked_by_any_of_their_microphones():
    chained = torch.zeros(5, 5)
    for i, j in ((0, 3), (3, 1), (2, 4)):
        chained[i, j] = chained[j, i] = COHERENT + 0.01
    assert recordings(chained) == [[0, 1, 3], [2, 4]]
    assert recordings(torch.zeros(2, 2)) == [[0], [1]]


def test_parts_that_were_played_apart_are_no_recording():
    song = synthetic_song(3, seconds=8.0)
    groups = recordings(measure_coherence(song.tracks, song.sample_rate))
    assert all(len(group) == 1 for group in groups)


@pytest.mark.parametrize("kit", ["drums_enst066", "drums_gogodze_a"])
def test_the_microphones_of_a_real_kit_are_one_recording(kit, shared_data):
    drums = load_folder(shared_data / kit / "tracks")
    assert len(recordings(measure_coherence(drums.tracks, drums.sample_rate))) == 1
