"""`dasp.mix` and `dasp.render`: one song, from whatever holds it, to settings and to sound."""

from dataclasses import replace

import pytest
import torch

import dasp
from dasp.analysis import measure_loudness
from dasp.audio_io import save_audio
from dasp.controllers import CONVERTERS, NETWORKS
from dasp.mixing import Channel, Mix, Song, Stage, Track, mix_down
from dasp.processors.catalogue import GAIN

RATE = 8000


@pytest.fixture
def tracks():
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 1, RATE, generator=draw)
    return {"kick": 0.1 * noise[0], "vocal": 0.02 * noise[1]}


@pytest.fixture
def folder(tmp_path, tracks):
    (tmp_path / "song").mkdir()
    for name, audio in tracks.items():
        save_audio(tmp_path / "song" / f"{name}.wav", audio, RATE, subtype="FLOAT")
    return tmp_path / "song"


def test_a_folder_and_its_tensors_have_the_same_mix(folder, tracks):
    of_folder = dasp.mix(folder, system="equal-loudness", target_lufs=-20.0)
    of_tensors = dasp.mix(tracks, RATE, system="equal-loudness", target_lufs=-20.0)
    assert [t.strip for t in of_folder.tracks] == [t.strip for t in of_tensors.tracks]
    assert [t.file for t in of_folder.tracks] == [str(folder / f"{n}.wav") for n in tracks]
    audio = dasp.render(of_folder)
    assert torch.equal(audio, dasp.render(of_tensors, tracks))
    assert torch.equal(audio, dasp.render(of_tensors, folder))
    assert measure_loudness(audio, RATE).item() == pytest.approx(-20.0, abs=0.1)


def test_it_is_what_the_command_line_does(folder, tmp_path):
    from dasp.cli.main import main

    out = tmp_path / "out.wav"
    command = [
        "mix",
        str(folder),
        "-o",
        str(out),
        "--system",
        "equal-loudness",
        "--subtype",
        "FLOAT",
    ]
    assert main(command) == 0
    mix = dasp.mix(folder, system="equal-loudness")
    assert dasp.load_mix(out.with_suffix(".json")).tracks == mix.tracks
    audio, _ = dasp.load_audio(out)
    assert torch.equal(audio, dasp.render(mix))
    assert torch.equal(audio, dasp.render(out.with_suffix(".json")))


def test_an_earlier_mix_is_where_it_starts(folder):
    fader = Stage(GAIN, {"gain_db": -3.0}, locked=True)
    start = dasp.load_song(folder).plain_mix()
    start = replace(start, tracks=(replace(start.tracks[0], strip=(fader,)), start.tracks[1]))
    assert fader in dasp.mix(start, system="equal-loudness").tracks[0].strip
    assert fader in dasp.mix(folder, start=start, system="equal-loudness").tracks[0].strip
    assert fader not in dasp.mix(folder, system="equal-loudness").tracks[0].strip


def test_tracks_are_found_by_name(tracks):
    song = Song.of(list(tracks), list(tracks.values()), RATE)
    other_way = dict(reversed(tracks.items()))
    quiet = (Stage(GAIN, {"gain_db": -20.0}),)
    mix = replace(song.plain_mix(), tracks=(Track("kick", strip=quiet), Track("vocal")))
    assert torch.equal(dasp.render(mix, other_way), mix_down(song.tracks, mix))
    found = dasp.mix(other_way, RATE, start=mix, system="equal-loudness")
    assert [track.name for track in found.tracks] == ["kick", "vocal"]


def test_stems_that_go_to_the_master_add_up_to_the_mix(tracks):
    mix = Mix(
        RATE,
        (Track("kick", group="drums", sends_db={"hall": -6.0}), Track("vocal")),
        groups=(Channel("drums", (Stage(GAIN, {"gain_db": -6.0}),)),),
        buses=(Channel("hall"),),
    )
    stems = dasp.render_stems(mix, tracks)
    assert [stem.name for stem in stems] == ["kick", "vocal", "drums", "hall"]
    total = sum(stem.audio for stem in stems if stem.to_master)
    torch.testing.assert_close(total, dasp.render(mix, tracks))


def test_a_render_has_a_gradient_to_the_settings(tracks):
    gain_db = torch.tensor(-6.0, requires_grad=True)
    strip = (Stage(GAIN, {"gain_db": gain_db}),)
    dasp.render(Mix(RATE, (Track("kick", strip=strip), Track("vocal"))), tracks).sum().backward()
    assert gain_db.grad.isfinite() and gain_db.grad != 0


@pytest.mark.parametrize("names", [["kick"], ["kick", "bass"], ["kick", "vocal", "bass"]])
def test_other_tracks_than_those_of_the_mix_are_refused(tracks, names):
    mix = Mix(RATE, tuple(map(Track, names)))
    with pytest.raises(ValueError, match=f"the tracks of the mix, {', '.join(names)}; got kick"):
        dasp.render(mix, tracks)
    with pytest.raises(ValueError, match="the tracks of the mix"):
        dasp.mix(tracks, RATE, start=mix)


def test_another_rate_is_refused(tracks):
    mix = Mix(44_100, (Track("kick"), Track("vocal")))
    song = Song.of(list(tracks), list(tracks.values()), RATE)
    with pytest.raises(ValueError, match="the mix has 44100 Hz, and the song 8000 Hz"):
        dasp.render(mix, song)


@pytest.mark.parametrize("system", [*NETWORKS, *CONVERTERS])
def test_what_makes_audio_is_told_from_what_sets_knobs(tracks, system):
    with pytest.raises(ValueError, match=f"audio_of.song, '{system}'. returns its sound"):
        dasp.mix(tracks, RATE, system=system)


def test_a_system_that_is_not_there_is_refused_with_the_nearest(tracks):
    with pytest.raises(ValueError, match="rules"):
        dasp.mix(tracks, RATE, system="rule")


def test_variants_of_a_folder_and_of_an_earlier_mix(folder):
    several = dasp.variants(folder, count=2, system="equal-loudness", target_lufs=-20.0)
    assert several[0].name == "as found"
    assert several[0].mix == dasp.mix(folder, system="equal-loudness", target_lufs=-20.0)
    for variant in several:
        loudness = measure_loudness(dasp.render(variant.mix), RATE).item()
        assert loudness == pytest.approx(-20.0, abs=0.1)
    fader = Stage(GAIN, {"gain_db": -3.0}, locked=True)
    start = dasp.load_song(folder).plain_mix()
    start = replace(start, tracks=(replace(start.tracks[0], strip=(fader,)), start.tracks[1]))
    for variant in dasp.variants(start, system="equal-loudness"):
        assert fader in variant.mix.tracks[0].strip
    with pytest.raises(ValueError, match="count"):
        dasp.variants(folder, count=1)
