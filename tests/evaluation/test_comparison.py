"""Mixes beside a reference, from Python: audio, files, settings; and means over songs."""

from functools import partial

import pytest
import torch

import dasp
from dasp.audio_io import save_audio
from dasp.evaluation import compare, mean_errors, mean_interval, measure_errors
from dasp.songs import open_song

RATE = 8000


@pytest.fixture
def tracks():
    return {"kick": 0.1 * torch.randn(1, RATE), "lead vox": 0.1 * torch.randn(1, RATE)}


def test_audio_files_and_settings_are_judged_alike(tmp_path, tracks):
    mix = dasp.mix(tracks, RATE, system="equal-loudness")
    audio = dasp.render(mix, tracks)
    save_audio(tmp_path / "mix.wav", audio, RATE, subtype="FLOAT")
    wanted = torch.cat(tuple(tracks.values()))
    judged = {"audio": audio, "file": tmp_path / "mix.wav", "settings": mix}
    measure = partial(measure_errors, names=("loudness", "sdr"))
    errors = dasp.evaluate(judged, wanted, RATE, song=tracks, measure=measure)
    for name in judged:
        assert errors[name] == pytest.approx(measure(audio, wanted, RATE))
    assert list(errors)[3:] == ["mono sum", "equal loudness", "random", "rule mix", "anchor"]


def test_a_mix_without_a_name_is_called_so():
    wanted = torch.randn(2, 8)
    (name,) = dasp.evaluate(wanted, wanted, RATE, measure=lambda *_: {})
    assert name == "mix"


def test_another_rate_and_another_length_are_told(tmp_path):
    save_audio(tmp_path / "short.wav", 0.1 * torch.randn(1, RATE), 2 * RATE)
    with pytest.warns(UserWarning) as said:
        compared = compare({"a": tmp_path / "short.wav"}, torch.randn(2, RATE), RATE)
    assert [str(one.message).removeprefix(f"{tmp_path}/") for one in said] == [
        "short.wav: resampled from 16000 to 8000 Hz",
        "short.wav: 0.500 s shorter than the reference",
    ]
    assert compared.mixes["a"].shape == (1, RATE)


def test_what_is_missing_is_told(tracks):
    wanted = torch.randn(2, RATE)
    with pytest.raises(ValueError, match="sample_rate: expected that of reference"):
        dasp.evaluate(wanted, wanted)
    with pytest.raises(ValueError, match="has none; give its song as well"):
        dasp.evaluate(dasp.mix(tracks, RATE, system="equal-loudness"), wanted, RATE)


def test_means_are_over_the_songs_that_have_a_mix():
    songs = [{"a": {"sdr": 1.0}, "b": {"sdr": 5.0}}, {"a": {"sdr": 3.0}}]
    means = mean_errors(songs)
    assert means == {"a": {"sdr": mean_interval([1.0, 3.0])}, "b": {"sdr": mean_interval([5.0])}}


def test_systems_mix_the_song_too(tracks):
    """Each as `dasp.mix` has it, cut to the reference."""
    wanted = torch.randn(2, RATE // 2)
    compared = compare({}, wanted, RATE, song=open_song(tracks, RATE), systems=["dugan"])
    mix = dasp.render(dasp.mix(tracks, RATE, system="dugan"), tracks)
    torch.testing.assert_close(compared.mixes["dugan"], mix[:, : RATE // 2])
    with pytest.raises(ValueError, match="song: expected the tracks that dugan mix"):
        compare({}, wanted, RATE, systems=["dugan"])
