from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.audio_io import load_audio
from dasp.controllers.rules.rule_mix import rule_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN, LIMITER, STEREO_PANNER
from dasp.processors.stage import Stage, setting
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import synthesise_song

RATE = 44_100


@pytest.fixture(scope="module")
def song():
    return synthesise_song(3, seconds=6.0, sample_rate=RATE)


@pytest.fixture(scope="module")
def mix(song):
    return rule_mix(Song.of(list(song), list(song.values()), RATE))


@pytest.mark.parametrize("target_lufs", [-23.0, -18.0, -14.0])
def test_the_mix_has_its_target_loudness_under_its_ceiling(song, target_lufs):
    tracks = list(song.values())
    audio = mix_down(tracks, rule_mix(Song.of(list(song), tracks, RATE), target_lufs=target_lufs))
    assert measure_loudness(audio, RATE).item() == pytest.approx(target_lufs, abs=0.06)
    assert measure_true_peak(audio, RATE).max() <= -1.0 + 0.05


def test_leads_and_the_low_end_are_in_the_centre(mix):
    pans = {track.name: setting(track.strip, "pan") for track in mix.tracks}
    assert pans["kick"] == pans["snare"] == pans["bass"] == pans["vocal"] == 0.0


def test_high_passes_stand_where_nothing_is_below(mix):
    high_passes = {track.name: setting(track.strip, "freq_hz", 0.0) for track in mix.tracks}
    assert high_passes["hihat"] == 200.0
    assert high_passes["kick"] < 40.0


def test_silence_and_a_single_track_can_be_mixed():
    silence = [torch.zeros(1, RATE), torch.zeros(2, RATE)]
    assert mix_down(silence, rule_mix(Song.of("ab", silence, RATE))).abs().max() == 0
    noise = [0.01 * torch.randn(1, RATE)]
    audio = mix_down(noise, rule_mix(Song.of(["vocal"], noise, RATE)))
    assert measure_loudness(audio, RATE).item() == pytest.approx(-18, abs=0.06)


def test_a_real_drum_kit_beats_the_published_random_forest(shared_data):
    """Gain-invariant SDR against the engineer's dry mix; the published mix has 6.1 dB."""
    song = load_folder(shared_data / "drums_enst066" / "tracks")
    human, _ = load_audio(shared_data / "drums_enst066" / "human_dry_mix.flac")
    audio = mix_down(song.tracks, rule_mix(song.song))
    scale = (audio * human).sum() / audio.square().sum()
    sdr_db = 10 * torch.log10(human.square().sum() / (human - scale * audio).square().sum())
    assert sdr_db > 6.1


def test_locked_settings_are_kept_and_worked_around(song, mix):
    """A vocal that is locked 4 dB up takes the others with it, and the loudness stays."""
    names = [track.name for track in mix.tracks]
    vocal, keys = names.index("vocal"), names.index("keys")
    gains_db = [setting(track.strip, "gain_db") for track in mix.tracks]
    tracks = list(mix.tracks)
    louder = Stage(GAIN, {"gain_db": gains_db[vocal] + 4}, locked=True)
    tracks[vocal] = replace(tracks[vocal], strip=(louder,))
    tracks[keys] = replace(tracks[keys], strip=(Stage(STEREO_PANNER, {"pan": -0.3}, locked=True),))
    limiter = Stage(LIMITER, {"ceiling_db": -3.0}, locked=True)
    start = replace(mix, tracks=tuple(tracks), master=(limiter,))
    again = rule_mix(Song.of(list(song), list(song.values()), RATE), start=start)
    assert louder in again.tracks[vocal].strip and limiter in again.master
    assert [s.settings["pan"] for s in again.tracks[keys].strip if "pan" in s.settings] == [-0.3]
    for track, gain_db in zip(again.tracks, gains_db, strict=True):
        assert setting(track.strip, "gain_db") == pytest.approx(gain_db + 4, abs=0.02)
    audio = mix_down(list(song.values()), again)
    assert measure_loudness(audio, RATE).item() == pytest.approx(-18, abs=0.06)


def test_a_locked_track_is_left_alone(song, mix):
    strip = (Stage(GAIN, {"gain_db": -20.0}),)
    tracks = (replace(mix.tracks[0], strip=strip, locked=True), *mix.tracks[1:])
    again = rule_mix(
        Song.of(list(song), list(song.values()), RATE), start=replace(mix, tracks=tracks)
    )
    assert again.tracks[0] == tracks[0]
