import pytest
import torch

from dasp.audio_io import save_audio
from dasp.data.multitrack import load_folder, load_tracks
from dasp.signal.resample import resample


def _save(path, seconds=0.1, rate=44_100, channels=1):
    audio = 0.3 * torch.randn(channels, round(seconds * rate))
    save_audio(path, audio, rate, subtype="FLOAT")
    return audio


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    kick, vox = _save(tmp_path / "Kick.wav"), _save(tmp_path / "a vöx.wav", channels=2)
    (tmp_path / "notes.txt").write_text("not audio")
    song = load_folder(tmp_path)
    assert song.names == ("Kick", "a vöx")
    assert torch.equal(song.tracks[0], kick) and torch.equal(song.tracks[1], vox)
    assert song.sample_rate == 44_100 and song.notes == ()


def test_rates_and_lengths_are_made_to_fit_with_a_note(tmp_path):
    short, low = _save(tmp_path / "a.wav"), _save(tmp_path / "b.wav", seconds=0.2, rate=22_050)
    song = load_folder(tmp_path)
    assert song.sample_rate == 44_100
    assert song.notes == (
        "b: resampled from 22050 to 44100 Hz",
        "a: 0.100 s of silence added at the end",
    )
    assert torch.equal(song.tracks[0][:, :4410], short) and not song.tracks[0][:, 4410:].any()
    assert torch.equal(song.tracks[1], resample(low, 22_050, 44_100))


def test_a_rate_can_be_asked_for(tmp_path):
    _save(tmp_path / "a.wav")
    assert load_folder(tmp_path, 48_000).tracks[0].shape == (1, 4800)


def test_more_than_two_channels_are_noted(tmp_path):
    audio = _save(tmp_path / "room.wav", channels=4)
    song = load_tracks([tmp_path / "room.wav"], ["room"], 44_100)
    assert torch.equal(song.tracks[0], audio[:2])
    assert song.notes == ("room: 4 channels, of which the first two are taken",)


def test_a_folder_without_audio_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no audio files"):
        load_folder(tmp_path)
    with pytest.raises(ValueError, match="expected a folder"):
        load_folder(tmp_path / "nowhere")
