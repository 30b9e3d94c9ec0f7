"""Mixes whose settings are known, and mixes that cannot be explained."""

import math

import pytest
import torch

from dasp.analysis import measure_crest_factor, measure_loudness, measure_octave_spectrum
from dasp.audio_io import load_audio, save_audio
from dasp.estimation.unmixing.cross_spectra import cross_spectra
from dasp.estimation.unmixing.linear_strips import fit_strips, linear_error, plain_strips
from dasp.estimation.unmixing.unmix import unmix
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.processors.catalogue import GAIN, HIGH_PASS, PARAMETRIC_EQ, STEREO_PANNER
from dasp.processors.stage import Stage, setting
from dasp.processors.strip import run_strip
from dasp.signal.fftconv import fft_convolve
from dasp.songs.synthetic import synthesise_song

RATE = 22_050


@pytest.fixture(scope="module")
def song():
    tracks = synthesise_song(3, seconds=3.0, sample_rate=RATE)
    return {name: tracks[name].double() for name in ("kick", "snare", "hihat", "vocal", "pad")}


def sdr_db(output, target):
    return (10 * torch.log10(target.square().sum() / (output - target).square().sum())).item()


def placed(gain_db, pan):
    return (Stage(GAIN, {"gain_db": gain_db}), Stage(STEREO_PANNER, {"pan": pan}))


def console(song, strips):
    return Mix(RATE, tuple(Track(n, n, strip=s) for n, s in zip(song, strips, strict=True)))


def test_levels_and_pans_are_found_and_an_absent_track(song):
    strips = [placed(-3.0, 0.0), placed(4.0, -0.5), placed(-60.0, 0.0), placed(-9.0, 0.9),
              placed(0.0, 0.4)]  # fmt: skip
    true = console(song, strips)
    tracks = list(song.values())
    mix = mix_down([0 * t if n == "hihat" else t for n, t in song.items()], true)
    found = unmix(song, mix, RATE, stages=("gain",))
    for track, strip in zip(found.mix.tracks, strips, strict=True):
        if track.name == "hihat":
            continue
        assert setting(track.strip, "gain_db") == pytest.approx(
            strip[0].settings["gain_db"], abs=0.01
        )
        assert setting(track.strip, "pan") == pytest.approx(strip[1].settings["pan"], abs=1e-3)
    assert "hihat: not in the mix" in found.notes
    assert sdr_db(mix_down(tracks, found.mix), mix) > 60
    assert found.stages[-1].sdr_db > 60


def test_an_equaliser_and_a_high_pass_are_found(song):
    eq = PARAMETRIC_EQ.defaults() | {
        "peak_gain_db": [0.0, 6.0, -4.0, 0.0], "peak_freq_hz": [200.0, 500.0, 3000.0, 6000.0],
        "high_shelf_gain_db": 3.0, "high_shelf_freq_hz": 6000.0,
    }  # fmt: skip
    strips = [placed(0.0, 0.2 * k) for k in range(5)]
    strips[1] = (Stage(PARAMETRIC_EQ, eq), *strips[1])
    strips[3] = (Stage(HIGH_PASS, {"freq_hz": 400.0}), *strips[3])
    true = console(song, strips)
    tracks = list(song.values())
    mix = mix_down(tracks, true)
    found = unmix(song, mix, RATE, stages=("gain", "high_pass", "eq"))
    assert sdr_db(mix_down(tracks, found.mix), mix) > 75
    impulse = torch.zeros(1, 4096, dtype=torch.float64)
    impulse[:, 100] = 1
    for k, low_hz, high_hz in ((1, 200, 9000), (3, 300, 3000)):
        spectra = [
            torch.fft.rfft(run_strip(impulse, RATE, strip)).abs()
            for strip in (true.tracks[k].strip, found.mix.tracks[k].strip)
        ]
        inside = slice(int(low_hz * 4096 / RATE), int(high_hz * 4096 / RATE))
        error_db = 20 * torch.log10(spectra[1] / spectra[0])[:, inside]
        assert error_db.abs().max() < 0.02


def test_a_track_that_was_moved_is_moved_back(song):
    tracks = list(song.values())
    mix = mix_down(tracks, console(song, [placed(0.0, 0.1 * k) for k in range(5)]))
    late = [tracks[0], torch.roll(tracks[1], -150, -1), *tracks[2:]]
    found = unmix(dict(zip(song, late, strict=True)), mix, RATE, stages=("gain",))
    assert setting(found.mix.tracks[1].strip, "delay_samples") == pytest.approx(150, abs=0.01)
    assert found.stages[0].sdr_db > 30


@pytest.mark.long
def test_forty_tracks():
    """Noise, of which six tracks are muted."""
    draw = torch.Generator().manual_seed(4)
    tracks = [torch.randn(1, 20_000, dtype=torch.float64, generator=draw) for _ in range(40)]
    strips = [placed(-0.5 * k, 0.04 * (k - 20)) for k in range(40)]
    numbered = {f"track {k + 1}": track for k, track in enumerate(tracks)}
    true = console(numbered, strips)
    muted = {3, 9, 16, 22, 30, 39}
    mix = mix_down([t * (k not in muted) for k, t in enumerate(tracks)], true)
    found = unmix(numbered, mix, RATE, stages=("gain",))
    assert {n for n in found.notes if "not in the mix" in n} == {
        f"track {k + 1}: not in the mix" for k in muted
    }
    for k in set(range(40)) - muted:
        strip = found.mix.tracks[k].strip
        assert setting(strip, "gain_db") == pytest.approx(-0.5 * k, abs=0.05)
        assert setting(strip, "pan") == pytest.approx(0.04 * (k - 20), abs=0.005)


def test_a_room_is_found(song):
    """Its impulse response itself, where the sum going into it is known."""
    draw = torch.Generator().manual_seed(5)
    tracks = list(song.values())
    dry = mix_down(tracks, console(song, [placed(0.0, 0.1 * k) for k in range(5)]))
    taps = torch.arange(400) / 100
    room = 0.05 * torch.randn(2, 400, dtype=torch.float64, generator=draw) * torch.exp(-taps)
    room[:, :40] = 0
    mix = dry + fft_convolve(dry, room)
    found = unmix(song, mix, RATE, stages=("gain", "room"), room_s=400 / RATE)
    assert found.stages[0].sdr_db < 20 and found.stages[1].sdr_db > 30
    (bus,) = found.mix.buses
    distance = torch.tensor(bus.strip[0].settings["taps"]) - room
    assert distance.square().sum() < 0.1 * room.square().sum()
    assert sdr_db(mix_down(tracks, found.mix), mix) == pytest.approx(found.stages[1].sdr_db, abs=1)


@pytest.mark.long
def test_a_master_is_brought_near(song):
    """Through a chain that no master strip has: distortion."""
    tracks = list(song.values())
    before = mix_down(tracks, console(song, [placed(0.0, 0.1 * k) for k in range(5)]))
    shelf = {"low_shelf_gain_db": -4.0, "low_shelf_freq_hz": 200.0, "high_shelf_gain_db": 4.0}
    after = run_strip(before, RATE, (Stage(PARAMETRIC_EQ, PARAMETRIC_EQ.defaults() | shelf),))
    mix = 0.7 * (2 * after / after.abs().max()).tanh()
    found = unmix(song, mix, RATE, stages=("gain", "master"), excerpt_s=1.5)
    assert found.stages[-1].kept
    output = mix_down(tracks, found.mix)
    for measure, within in (
        (measure_loudness, 0.5), (measure_crest_factor, 1.0), (measure_octave_spectrum, 1.5)
    ):  # fmt: skip
        # Of octaves the mean of both sides, which a master treats alike.
        error_db = torch.atleast_2d(measure(output, RATE) - measure(mix, RATE)).mean(0)
        assert error_db[:9].abs().max() < within, measure.__name__


def test_reversed_polarity_is_found_and_said(song):
    tracks = list(song.values())
    mix = sum(t.expand(2, -1) * (-0.5 if k == 0 else 0.5) for k, t in enumerate(tracks))
    found = unmix(song, mix, RATE, stages=("gain",))
    assert any(note.startswith("kick: with reversed polarity") for note in found.notes)
    assert sdr_db(mix_down(tracks, found.mix), mix) > 60


def test_the_document_gives_the_reported_error(song, tmp_path):
    """Also after it was written and read."""
    tracks = list(song.values())
    mix = mix_down(tracks, console(song, [placed(0.0, 0.1 * k) for k in range(5)])).tanh()
    found = unmix(song, mix, RATE, stages=("gain",), filter_taps=8)
    save_mix(tmp_path / "mix.json", found.mix)
    again = mix_down(tracks, load_mix(tmp_path / "mix.json"))
    assert sdr_db(again, mix) == pytest.approx(found.stages[-1].sdr_db, abs=1e-3)
    assert [stage.name for stage in found.stages] == ["gain", "filters"]
    assert found.stages[1].sdr_db > found.stages[0].sdr_db


def test_tracks_of_another_song_explain_little_and_it_is_said(song):
    other = synthesise_song(77, seconds=3.0, sample_rate=RATE)
    mix = sum(t.double().expand(2, -1) for t in other.values())
    found = unmix(song, mix, RATE, stages=("gain",))
    assert found.stages[-1].sdr_db < 6
    assert any("may belong to another" in note for note in found.notes)


def test_what_cannot_be_unmixed_is_refused(song):
    tracks = list(song.values())
    mix = sum(t.expand(2, -1) for t in tracks)
    with pytest.raises(ValueError, match="mix: expected some sound"):
        unmix(song, 0 * mix, RATE)
    with pytest.raises(ValueError, match="tracks: expected some sound"):
        unmix({name: 0 * track for name, track in song.items()}, mix, RATE)
    with pytest.raises(ValueError, match=r"tracks\[0\]: expected shape"):
        unmix(song, mix[..., :-1], RATE)
    with pytest.raises(ValueError, match="stages: expected one of"):
        unmix(song, mix, RATE, stages=("reverb",))
    with pytest.raises(ValueError, match="at least one track"):
        unmix({}, mix, RATE)
    with pytest.raises(ValueError, match="sample_rate: expected that of the tracks"):
        unmix(song, mix)


def test_roles_and_files_are_those_of_the_song(song):
    roles = ("bass", "guitar", "other", "vocal", "keys")
    tracks = tuple(track[..., :RATE] for track in song.values())
    known = Song(tuple(song), roles, tracks, RATE)
    mix = sum(t.expand(2, -1) for t in tracks)
    found = unmix(known, mix, stages=("gain",))
    assert tuple(track.role for track in found.mix.tracks) == roles
    assert tuple(track.file for track in found.mix.tracks) == tuple(song)


def test_a_folder_beside_the_file_of_its_mix(song, tmp_path):
    """The file of the mix is no track; the longer of the two is cut, and so much is said."""
    for name in ("kick", "vocal"):
        save_audio(tmp_path / f"{name}.wav", song[name][..., :RATE].float(), RATE)
    mix = sum(song[name].expand(2, -1) for name in ("kick", "vocal"))[..., : RATE + 2205]
    save_audio(tmp_path / "mine.wav", 0.5 * mix, RATE, subtype="DOUBLE")
    found = unmix(tmp_path, tmp_path / "mine.wav", stages=("gain",))
    assert [(track.name, track.role) for track in found.mix.tracks] == [
        ("kick", "kick"), ("vocal", "vocal"),
    ]  # fmt: skip
    assert found.mix.tracks[0].file == str(tmp_path / "kick.wav")
    assert "the last 0.100 s of the mix are left out" in found.notes
    assert found.stages[-1].sdr_db > 60


def test_a_list_of_tracks_is_the_old_form(song):
    tracks = [track[..., :RATE] for track in song.values()]
    mix = sum(t.expand(2, -1) for t in tracks)
    with pytest.warns(DeprecationWarning, match=r"unmix\(song, mix\)"):
        found = unmix(tracks, mix, RATE, names=list(song), files=list("abcde"), stages=("gain",))
    assert [track.role for track in found.mix.tracks] == ["kick", "snare", "hihat", "vocal", "pad"]
    assert [track.file for track in found.mix.tracks] == list("abcde")
    with pytest.warns(DeprecationWarning):
        numbered = unmix(tracks, mix, RATE, stages=("gain",))
    assert numbered.mix.tracks[4].name == "track 5"


def test_the_descent_finds_the_settings_of_one_strip():
    noise = torch.randn(
        2, 1, 40_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    eq = PARAMETRIC_EQ.defaults() | {
        "low_shelf_gain_db": 5.0, "low_shelf_freq_hz": 150.0, "peak_gain_db": [0.0, -6.0, 0.0, 4.0]
    }  # fmt: skip
    mix = run_strip(noise[0], RATE, (Stage(PARAMETRIC_EQ, eq),)).expand(2, -1) + noise[1]
    spectra = cross_spectra(noise, mix, RATE)
    start = plain_strips(torch.ones(2, 2))
    fit = start
    for _ in range(3):
        fit = fit_strips(spectra, fit, ("gain", "eq"))
    assert linear_error(spectra, start) > 0.05 and linear_error(spectra, fit) < 1e-5
    torch.testing.assert_close(fit.gains, torch.ones(2, 2, dtype=torch.float64), atol=0.03, rtol=0)
    assert math.isclose(fit.eq_gain_db[0, 2].item(), -6.0, abs_tol=0.3)
    assert fit.eq_gain_db[1].abs().max() < 0.1


@pytest.mark.long
def test_a_real_kit_against_the_formula_of_its_mix(shared_data):
    """Levels, pans, two high-passes, and two microphones that are off."""
    folder = shared_data / "drums_gogodze_a"
    files = sorted((folder / "tracks").iterdir())
    tracks = [load_audio(file, dtype=torch.float64)[0][:, : 5 * 44_100] for file in files]
    mix = load_audio(folder / "sfz_default_mix.flac", dtype=torch.float64)[0][:, : 5 * 44_100]
    song = dict(zip([file.stem for file in files], tracks, strict=True))
    found = unmix(song, mix, 44_100, stages=("gain", "high_pass"))
    strips = {track.name: track.strip for track in found.mix.tracks}
    assert sdr_db(mix_down(tracks, found.mix), mix) > 40
    pans = {"kick": 0.0, "snare": 0.0, "front": 0.0, "oh": 1.0, "side": -1.0}
    for name, pan in pans.items():
        assert setting(strips[name], "pan") == pytest.approx(pan, abs=0.01)
        level_db = 20 * math.log10(1.5472207626104149)
        assert setting(strips[name], "gain_db") == pytest.approx(level_db, abs=0.05)
    for name, freq_hz in (("snare", 150.0), ("front", 200.0)):
        assert setting(strips[name], "freq_hz") == pytest.approx(freq_hz, rel=0.01)
    assert {"retro: not in the mix", "wndw: not in the mix"} <= set(found.notes)
