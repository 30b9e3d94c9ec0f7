import pytest
import torch

from dasp.audio_io import AudioFileError, load_audio
from dasp.signal.resample import resample
from dasp.songs.multitrack import Multitrack, Recording, load_folder, load_tracks
from tests.songs.trees import write


def test_a_folder_is_read_in_the_order_of_names(tmp_path):
    kick = write(tmp_path / "Kick.wav")
    vox = write(tmp_path / "a vöx.wav", channels=2)
    (tmp_path / "notes.txt").write_text("not audio")
    (tmp_path / "._Kick.wav").write_text("what another system keeps beside files")
    song = load_folder(tmp_path)
    assert song.names == ("Kick", "a vöx") and song.roles == ("kick", "vocal")
    assert song.files == (tmp_path / "Kick.wav", tmp_path / "a vöx.wav")
    assert song.channels == (1, 2)
    assert torch.equal(song.tracks[0], kick) and torch.equal(song.tracks[1], vox)
    assert song.sample_rate == 44_100 and song.notes == ()


def test_rates_and_lengths_are_made_to_fit_with_a_note(tmp_path):
    short = write(tmp_path / "a.wav", frames=4410)
    low = write(tmp_path / "b.wav", frames=4410, rate=22_050)
    song = load_folder(tmp_path)
    assert song.sample_rate == 44_100
    assert song.notes == (
        "b: resampled from 22050 to 44100 Hz",
        "a: 0.100 s of silence added at the end",
    )
    assert torch.equal(song.tracks[0][:, :4410], short) and not song.tracks[0][:, 4410:].any()
    assert torch.equal(song.tracks[1], resample(low, 22_050, 44_100))


def test_a_rate_can_be_asked_for(tmp_path):
    write(tmp_path / "a.wav", frames=4410)
    assert load_folder(tmp_path, 48_000).tracks[0].shape == (1, 4800)


def test_more_than_two_channels_are_noted(tmp_path):
    audio = write(tmp_path / "room.wav", channels=4)
    song = load_tracks([tmp_path / "room.wav"], ["room"], 44_100)
    assert torch.equal(song.tracks[0], audio[:2])
    assert song.notes == ("room: 4 channels, of which the first two are taken",)


def test_a_folder_without_audio_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no audio files"):
        load_folder(tmp_path)
    with pytest.raises(ValueError, match="expected a folder"):
        load_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_an_excerpt_is_a_part_of_the_whole(tmp_path, suffix):
    subtype = {"wav": "PCM_24", "flac": "PCM_16", "ogg": "VORBIS"}[suffix]
    write(tmp_path / f"a.{suffix}", frames=20_000, channels=2, subtype=subtype)
    whole, _ = load_audio(tmp_path / f"a.{suffix}")
    song = load_folder(tmp_path)
    for start, frames in ((0, 20_000), (7_123, 1_000), (19_999, 1), (5, 0)):
        assert torch.equal(song.excerpt(start, frames)[0], whole[:, start : start + frames])


@pytest.mark.parametrize(("rate", "heard"), [(48_000, 44_100), (22_050, 44_100), (44_100, 16_000)])
def test_a_resampled_excerpt_is_a_part_of_the_resampled_whole(tmp_path, rate, heard):
    x = write(tmp_path / "a.wav", frames=6_000, rate=rate)
    song = load_folder(tmp_path, heard)
    whole = resample(x, rate, heard)
    assert song.frames == whole.shape[-1]
    for start, frames in ((0, 50), (1_001, 500), (song.frames - 77, 77)):
        torch.testing.assert_close(
            song.excerpt(start, frames)[0], whole[:, start : start + frames], rtol=0, atol=1e-7
        )


def test_an_excerpt_reads_no_more_of_the_file_than_it_needs(tmp_path, monkeypatch):
    write(tmp_path / "a.wav", frames=441_000)
    write(tmp_path / "b.wav", frames=480_000, rate=48_000)
    read = []

    def counting(path, **arguments):
        read.append(arguments["frames"])
        return load_audio(path, **arguments)

    monkeypatch.setattr("dasp.songs.reading.load_audio", counting)
    load_folder(tmp_path, 44_100).excerpt(200_000, 1_000)
    assert read[0] == 1_000
    assert 1_088 < read[1] < 1_600  # The filter hears some on each side.


def test_around_the_song_there_is_silence():
    x = torch.arange(1.0, 6.0)[None]
    song = Multitrack("s", 44_100, (Recording("a", "other", x),))
    for _ in range(2):
        assert song.excerpt(-2, 4)[0].tolist() == [[0, 0, 1, 2]]
        assert song.excerpt(3, 4)[0].tolist() == [[4, 5, 0, 0]]
        assert song.excerpt(-1, 8)[0].tolist() == [[0, 1, 2, 3, 4, 5, 0, 0]]
        assert song.excerpt(9, 2)[0].tolist() == song.excerpt(-9, 2)[0].tolist() == [[0, 0]]
        _ = song.tracks  # From here on excerpts are taken from memory.


def test_mixes_have_the_length_of_the_song(tmp_path):
    write(tmp_path / "a.wav", frames=100)
    wet = write(tmp_path / "wet.wav", frames=90, channels=2)
    song = load_tracks([tmp_path / "a.wav"], ["a"], 44_100)
    with pytest.raises(ValueError, match="no mix of this song is known"):
        song.mix()
    mixes = (Recording("wet", "other", tmp_path / "wet.wav"),)
    song = Multitrack("song", 44_100, song.recordings, mixes)
    assert song.mix().shape == (2, 100) and torch.equal(song.mix("wet")[:, :90], wet)
    assert torch.equal(song.mix("wet", 40, 20), wet[:, 40:60])
    with pytest.raises(ValueError, match="no mix is called 'we'; did you mean 'wet'"):
        song.mix("we")


def test_a_file_without_samples_is_silence_and_an_empty_one_is_refused(tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "b.wav", frames=0)
    song = load_folder(tmp_path)
    assert song.tracks[1].shape == (1, 400) and not song.tracks[1].any()
    assert song.notes == ("b: 0.009 s of silence added at the end",)
    (tmp_path / "c.wav").write_bytes(b"")
    with pytest.raises(AudioFileError, match=r"c\.wav: is empty"):
        load_folder(tmp_path)
