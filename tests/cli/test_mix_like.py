"""`dasp mix --reference` on files."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.audio_io import load_audio, save_audio
from dasp.cli.main import main
from dasp.functional import high_pass, low_pass
from dasp.mixing import load_mix, save_mix, setting
from dasp.processors.catalogue import GAIN, STEREO_PANNER

RATE = 16_000


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "song").mkdir()
    low, high = 0.1 * torch.randn(2, 1, RATE, generator=torch.Generator().manual_seed(0))
    bass, hihat = low_pass(low, RATE, freq_hz=300.0), high_pass(high, RATE, freq_hz=3000.0)
    tracks = {"bass": bass, "hihat": hihat}
    for name, audio in tracks.items():
        save_audio(tmp_path / "song" / f"{name}.wav", audio, RATE, subtype="FLOAT")
    bright = 0.1 * tracks["bass"] + tracks["hihat"]
    save_audio(tmp_path / "bright.wav", bright.expand(2, -1), RATE)
    return tmp_path


def test_a_mix_like_a_reference(folder, capsys):
    words = ["mix", str(folder / "song"), "--system", "equal-loudness", "--target-lufs", "-20"]
    assert main([*words, "-o", str(folder / "plain.wav")]) == 0
    like = [*words, "--reference", str(folder / "bright.wav")]
    assert main([*like, "-o", str(folder / "like.wav")]) == 0
    assert "dB from the reference:" in capsys.readouterr().err
    audio, rate = load_audio(folder / "like.wav")
    assert measure_loudness(audio, rate).item() == pytest.approx(-20.0, abs=0.2)
    again = folder / "again.wav"
    assert main(["render", str(folder / "like.json"), "-o", str(again)]) == 0
    assert again.read_bytes() == (folder / "like.wav").read_bytes()
    mixes = [load_mix(folder / f"{name}.json") for name in ("plain", "like")]
    gains = [[t.strip[0].settings["gain_db"] for t in mix.tracks] for mix in mixes]
    assert gains[1][1] - gains[1][0] > gains[0][1] - gains[0][0] + 3


def test_a_network_has_nothing_to_turn(folder, capsys):
    words = ["mix", str(folder / "song"), "--system", "wave-u-net", "-o", str(folder / "x.wav")]
    with pytest.raises(SystemExit):
        main([*words, "--reference", str(folder / "bright.wav")])
    assert "--reference" in capsys.readouterr().err


def test_a_reference_with_an_earlier_mix_heeds_locks_mutes_solos_and_places(folder):
    """A solo is for listening: the loudness and the style are those of all that is not muted."""
    hum = torch.sin(torch.arange(RATE) * 0.1)[None]
    save_audio(folder / "song" / "hum.wav", hum, RATE, subtype="FLOAT")
    words = ["mix", "--system", "equal-loudness", "--reference", str(folder / "bright.wav")]
    begin = ["mix", str(folder / "song"), "--system", "equal-loudness", "--no-groups"]
    assert main([*begin, "-o", str(folder / "begin.wav")]) == 0
    mix = load_mix(folder / "begin.json")
    bass, hihat, third = mix.tracks
    assert third.name == "hum"
    tracks = (bass, replace(hihat, solo=True), replace(third, mute=True))
    save_mix(folder / "switched.json", replace(mix, tracks=tracks))
    save_mix(folder / "bare.json", replace(mix, tracks=(bass, hihat)))
    for name in ("switched", "bare"):
        start = ["--start", str(folder / f"{name}.json"), "--pan", "hihat=0.7"]
        assert main([*words, *start, "-o", str(folder / f"{name} out.wav")]) == 0
    switched, bare = (load_mix(folder / f"{name} out.json") for name in ("switched", "bare"))
    assert [t.strip for t in switched.tracks[:2]] == [t.strip for t in bare.tracks]
    assert switched.master == bare.master and switched.tracks[2] == tracks[2]
    assert switched.tracks[1].solo and setting(switched.tracks[1].strip, "pan") == 0.7


def test_variants_of_a_mix_like_a_reference_from_an_earlier_one(folder):
    begin = ["mix", str(folder / "song"), "--system", "equal-loudness"]
    assert main([*begin, "-o", str(folder / "begin.wav")]) == 0
    mix = load_mix(folder / "begin.json")
    locked = replace(mix.tracks[0], locked=True)
    save_mix(folder / "begin.json", replace(mix, tracks=(locked, *mix.tracks[1:])))
    words = ["mix", "--start", str(folder / "begin.json"), "--system", "equal-loudness"]
    like = [*words, "--reference", str(folder / "bright.wav"), "--variants", "2"]
    assert main([*like, "-o", str(folder / "like.wav")]) == 0
    written = sorted(folder.glob("like - *.json"))
    assert folder / "like - as found.json" in written
    for document in written:
        found = load_mix(document)
        assert found.tracks[0] == locked
        audio, rate = load_audio(document.with_suffix(".wav"))
        assert measure_loudness(audio, rate).item() == pytest.approx(-18.0, abs=0.2)


def test_nothing_is_matched_where_every_track_is_muted(folder, capsys):
    begin = ["mix", str(folder / "song"), "--system", "equal-loudness"]
    assert main([*begin, "-o", str(folder / "begin.wav")]) == 0
    mix = load_mix(folder / "begin.json")
    muted = tuple(replace(track, mute=True) for track in mix.tracks)
    save_mix(folder / "begin.json", replace(mix, tracks=muted))
    words = ["mix", "--start", str(folder / "begin.json"), "-o", str(folder / "x.wav")]
    assert main([*words, "--reference", str(folder / "bright.wav")]) == 1
    assert "every track is muted" in capsys.readouterr().err and not (folder / "x.wav").exists()


def test_each_track_like_the_stem_of_its_role(folder, capsys):
    (folder / "other").mkdir()
    for name, gain in (("bass", 0.1), ("hihat", 1.0)):
        audio, rate = load_audio(folder / "song" / f"{name}.wav")
        save_audio(folder / "other" / f"{name} 2.wav", gain * audio, rate, subtype="FLOAT")
    words = ["mix", str(folder / "song"), "--system", "equal-loudness", "--pan", "hihat=left"]
    like = [*words, "--reference-stems", str(folder / "other")]
    assert main([*like, "-o", str(folder / "like.wav")]) == 0
    said = capsys.readouterr().err
    assert "bass: like bass 2, spectrum" in said and "dB from the reference:" in said
    tracks = load_mix(folder / "like.json").tracks
    bass, hihat = (
        sum(stage.settings.get("gain_db", 0.0) for stage in track.strip if stage.processor is GAIN)
        for track in tracks
    )
    assert hihat - bass > 10
    panner = next(stage for stage in tracks[1].strip if stage.processor is STEREO_PANNER)
    assert panner.settings["pan"] == -1.0


def test_stems_and_a_mix_are_not_both_a_reference(folder, capsys):
    words = ["mix", str(folder / "song"), "-o", str(folder / "x.wav")]
    both = ["--reference", str(folder / "bright.wav"), "--reference-stems", str(folder / "song")]
    with pytest.raises(SystemExit):
        main([*words, *both])
    assert "not allowed with argument" in capsys.readouterr().err


def test_the_network_tells_of_a_clipped_mono_reference(folder, capsys):
    loud = (40 * load_audio(folder / "bright.wav")[0]).clamp(-1, 1)[:1]
    save_audio(folder / "clipped.wav", loud, RATE, subtype="FLOAT")
    words = ["mix", str(folder / "song"), "--system", "diff-mst", "-o", str(folder / "x.wav")]
    assert main([*words, "--reference", str(folder / "clipped.wav")]) == 0
    said = capsys.readouterr().err
    assert "reference 1: clipped" in said and "reference 1: mono" in said


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (torch.zeros(2, RATE), "expected sound, got silence"),
        (0.1 * torch.ones(2, 100), "expected at least 0.4 s, got 0.006 s"),
        (0.1 * torch.ones(3, RATE), "expected mono or stereo"),
    ],
)
@pytest.mark.parametrize("system", ["diff-mst", "equal-loudness"])
def test_bad_references_are_refused_and_nothing_is_written(folder, capsys, audio, message, system):
    save_audio(folder / "bad.wav", audio, RATE, subtype="FLOAT")
    words = ["mix", str(folder / "song"), "--system", system, "-o", str(folder / "x.wav")]
    assert main([*words, "--reference", str(folder / "bad.wav")]) == 1
    assert f"reference 1: {message}" in capsys.readouterr().err
    assert not (folder / "x.wav").exists()
