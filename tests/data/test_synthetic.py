import pytest
import torch

from dasp.analysis import measure_peak
from dasp.data.synthetic import LOUDEST_DB, QUIETEST_DB, Note, _guitar, synthesise_song

RATE = 22_050


@pytest.fixture(scope="module")
def song():
    return synthesise_song(1, seconds=5.0, sample_rate=RATE)


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


def test_instruments_live_where_they_should(song):
    """The octave that holds most of each instrument, in Hz."""
    centres = 1000 * 2.0 ** torch.arange(-5, 4)
    spectra = {}
    for name, audio in song.items():
        power = torch.fft.rfft(audio.double()).abs().square().sum(0)
        freq = torch.arange(len(power)) * RATE / audio.shape[-1]
        spectra[name] = centres[
            torch.stack([power[(freq > c / 2**0.5) & (freq <= c * 2**0.5)].sum() for c in centres])
            .argmax()
        ].item()  # fmt: skip
    assert spectra["kick"] < 130
    assert spectra["bass"] < 260
    assert spectra["hihat"] > 4000
    assert 400 < spectra["vocal"] < 2100


def test_a_string_sounds_at_its_pitch():
    freq_hz = 233.08
    sound = _guitar(Note(0.0, 2.0, freq_hz), RATE)[0]
    spectrum = torch.fft.rfft(sound * torch.hann_window(len(sound)), 1 << 18).abs()
    around = slice(*(round(f * (1 << 18) / RATE) for f in (0.8 * freq_hz, 1.2 * freq_hz)))
    peak = (around.start + spectrum[around].argmax().item()) * RATE / (1 << 18)
    assert peak == pytest.approx(freq_hz, rel=0.003)


def test_meaningless_lengths_are_refused():
    with pytest.raises(ValueError, match="seconds: expected above 0"):
        synthesise_song(0, seconds=0.0)
