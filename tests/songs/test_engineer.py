from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness, measure_peak
from dasp.mixing.console import Console, stack_tracks
from dasp.mixing.conversion import from_mix
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.targets import CEILING_DB, MIX_LUFS
from dasp.processors.stage import find_stage, setting
from dasp.processors.strip import run_strip
from dasp.songs.engineer import LEAD_LUFS, engineers_mix, with_engineers_mix
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.score import PARTS
from dasp.songs.synthetic import synthetic_song
from dasp.songs.taste import TASTES
from dasp.units import gain_to_db

RATE = 22_050


@pytest.fixture(scope="module")
def song():
    """Everybody, for long enough that all of them play."""
    song = synthetic_song(3, seconds=12.0, sample_rate=RATE, ensemble=list(PARTS))
    return with_engineers_mix(song, 5)


@pytest.fixture(scope="module")
def mix(song):
    return song.details["mix"]


def _noises(*names, gain=1.0, role="other"):
    draw = torch.Generator().manual_seed(0)
    noises = 0.1 * gain * torch.randn(len(names), 1, RATE, generator=draw)
    recordings = [Recording(name, role, x) for name, x in zip(names, noises, strict=True)]
    return Multitrack("noises", RATE, tuple(recordings))


def test_the_settings_make_the_mix(song, mix, tmp_path):
    torch.testing.assert_close(mix_down(song.tracks, mix), song.mix(), rtol=0, atol=2e-6)
    placed = tuple(replace(track, file=f"{track.name}.wav") for track in mix.tracks)
    save_mix(tmp_path / "mix.json", replace(mix, tracks=placed))
    again = mix_down(song.tracks, load_mix(tmp_path / "mix.json"))
    torch.testing.assert_close(again, song.mix(), rtol=0, atol=2e-6)


def test_a_console_can_be_set_so(song, mix):
    tracks, mono = stack_tracks(song.tracks)
    settings, routing = from_mix(Console(), mix)
    heard = Console()(tracks, RATE, settings, mono=mono, routing=routing)
    torch.testing.assert_close(heard, song.mix(), rtol=0, atol=2e-6)


def test_levels_behind_the_strips_are_those_of_the_taste(song, mix):
    for audio, track in zip(song.tracks, mix.tracks, strict=True):
        panner = track.strip[-1]
        assert panner.processor.name == "stereo_panner"
        level_lu = measure_loudness(run_strip(audio, RATE, track.strip[:-1]), RATE) - LEAD_LUFS
        low, high = TASTES[track.role].level_lu
        assert low - 0.01 <= level_lu <= high + 0.01, track.name


def test_compressors_reduce_loud_moments_and_little_else(song, mix):
    audio, track = next(
        (a, t) for a, t in zip(song.tracks, mix.tracks, strict=True) if t.role == "vocal"
    )
    fader, eq, compressor, _ = track.strip
    x = run_strip(audio, RATE, (fader, eq))
    reduction_db = gain_to_db(run_strip(x, RATE, (compressor,)) / x)[x.abs() > 1e-3]
    over_db = 10.0  # The most of a vocal, of which one moment in ten has more.
    most_db = (1 - 1 / compressor.settings["ratio"]) * over_db
    assert -2 * most_db < reduction_db.min() < -1.0
    assert torch.quantile(reduction_db[::10], 0.9) > -0.5


def test_what_is_heard_does_not_depend_on_recording_levels(song):
    gains = torch.linspace(-6.0, 6.0, len(song.tracks))
    louder = tuple(
        recording._replace(source=recording.source * 10 ** (gain_db / 20))
        for recording, gain_db in zip(song.recordings, gains, strict=True)
    )
    again = with_engineers_mix(replace(song, recordings=louder, mixes=()), 5)
    error = (again.mix() - song.mix()).square().mean() / song.mix().square().mean()
    assert error < 10 ** (-50 / 10)  # Settings are rounded to hundredths of a decibel.


def test_the_sum_has_a_loudness_and_a_ceiling(song):
    assert measure_loudness(song.mix(), RATE).item() == pytest.approx(MIX_LUFS, abs=0.2)
    assert measure_peak(song.mix(), RATE).max() <= CEILING_DB + 1e-3


def test_the_engineer_takes_the_same_sides_every_time():
    for seed in range(3):
        tracks = engineers_mix(synthetic_song(seed, seconds=1.0, sample_rate=RATE), seed).tracks
        pans = {track.name: setting(track.strip, "pan") for track in tracks}
        assert pans.get("hihat", 1) > 0 and pans.get("keys", 1) > 0
        assert pans.get("kick", 0) == pans.get("bass", 0) == pans.get("vocal", 0) == 0
    guitars = engineers_mix(_noises("a", "b", "c", role="guitar"), 0).tracks
    assert [setting(track.strip, "pan") > 0 for track in guitars] == [False, True, False]


def test_of_a_pair_the_second_is_the_mirror_image_of_the_first():
    pair = engineers_mix(_noises("overhead R", "overhead L", role="overhead"), 1).tracks
    pans = [setting(track.strip, "pan") for track in pair]
    assert pans[0] == -pans[1] >= 0.5
    assert find_stage(pair[0].strip, "parametric_eq") == find_stage(pair[1].strip, "parametric_eq")


def test_seeds_are_mixes(song, mix):
    assert engineers_mix(song, 5) == mix
    assert engineers_mix(song, 6) != mix


def test_silence_is_left_alone():
    song = _noises("a", "b")
    silent = replace(
        song, recordings=(song.recordings[0], Recording("b", "other", torch.zeros(1, RATE)))
    )
    track = with_engineers_mix(silent, 0)
    assert setting(track.details["mix"].tracks[1].strip, "gain_db") == 0
    nothing = with_engineers_mix(_noises("a", gain=0.0), 0)
    assert torch.equal(nothing.mix(), torch.zeros(2, RATE))
