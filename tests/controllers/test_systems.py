"""Systems by name: one call for all, and what each does with what is locked."""

import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.console.mix import shipped
from dasp.controllers.forest.system import WEIGHTS as FOREST
from dasp.controllers.forest.trees import load_forest, save_forest
from dasp.controllers.systems import audio_of, automatic_mix
from dasp.controllers.table import MIXERS, SYSTEMS
from dasp.mixing.mixdown import mix_down
from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song
from dasp.processors.catalogue import COMPRESSOR, GAIN
from dasp.processors.stage import Stage, setting

RATE = 16_000
START = Mix(RATE, tuple(Track(n, f"{n}.wav", r) for n, r in (("a", "kick"), ("b", "vocal"))))


@pytest.fixture
def tracks():
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 1, 2 * RATE, generator=draw)
    return 0.1 * noise[0], 0.02 * noise[1]


def song(tracks):
    return Song(("a", "b"), ("kick", "vocal"), tuple(tracks), RATE)


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_reaches_the_loudness_and_keeps_files_and_roles(system, tracks):
    mix = automatic_mix(song(tracks), START, system=system, target_lufs=-20.0)
    loudness = measure_loudness(mix_down(tracks, mix), RATE).item()
    assert loudness == pytest.approx(-20.0, abs=0.1)
    assert [(t.file, t.role) for t in mix.tracks] == [("a.wav", "kick"), ("b.wav", "vocal")]


@pytest.mark.parametrize("system", SYSTEMS)
def test_no_system_hears_what_is_muted_and_all_hear_what_is_put_right(system, tracks):
    """The mix is that of the tracks alone, already put right; what is soloed has no say."""
    kick, voice = tracks
    loud = torch.randn(1, voice.shape[-1], generator=torch.Generator().manual_seed(1))
    prepare = Preparation(offset=(0.5,), inverted=True)
    first, second = START.tracks
    first, second = replace(first, prepare=prepare), replace(second, solo=True)
    start = replace(START, tracks=(first, Track("loud", "l.wav", mute=True), second))
    whole = Song(("a", "loud", "b"), ("kick", "other", "vocal"), (0.5 - kick, loud, voice), RATE)
    mix = automatic_mix(whole, start, system=system)
    alone = automatic_mix(song([-(0.5 - kick - 0.5), voice]), START, system=system)
    assert [mix.tracks[0].strip, mix.tracks[2].strip] == [t.strip for t in alone.tracks]
    assert mix.master == alone.master
    assert mix.tracks[1] == start.tracks[1] and mix.tracks[0].prepare == prepare
    assert mix.tracks[2].solo


def test_a_mix_of_nothing_but_muted_tracks_stays_as_it_is(tracks):
    start = replace(START, tracks=tuple(replace(track, mute=True) for track in START.tracks))
    with pytest.warns(UserWarning, match="every track is muted"):
        assert automatic_mix(song(tracks), start) == start


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_works_around_what_is_locked(system, tracks):
    fader = Stage(GAIN, {"gain_db": -3.0}, locked=True)
    glue = Stage(COMPRESSOR, COMPRESSOR.defaults() | {"ratio": 2.0}, locked=True)
    own = replace(START.tracks[0], strip=(fader, Stage(GAIN, {"gain_db": 5.0})))
    start = replace(START, tracks=(own, START.tracks[1]), master=(glue,))
    mix = automatic_mix(song(tracks), start, system=system, target_lufs=-20.0)
    gains = [stage for stage in mix.tracks[0].strip if stage.processor is GAIN]
    assert gains == [fader] and glue in mix.master
    assert measure_loudness(mix_down(tracks, mix), RATE).item() == pytest.approx(-20.0, abs=0.1)


@pytest.mark.parametrize("system", ["console", "equal-loudness", "mansbridge-fader"])
def test_the_other_faders_follow_one_that_is_locked(system, tracks):
    """They move together, so that the balance that was found stays."""
    free = automatic_mix(song(tracks), START, system=system)
    beside_db = _fader_db(free.tracks[1])
    locked = Stage(GAIN, {"gain_db": -10.0}, locked=True)
    start = replace(START, tracks=(replace(START.tracks[0], strip=(locked,)), START.tracks[1]))
    mix = automatic_mix(song(tracks), start, system=system)
    expected_db = beside_db - 10.0 - setting(free.tracks[0].strip, "gain_db", 0.0)
    assert _fader_db(mix.tracks[1]) == pytest.approx(expected_db, abs=0.01)


def _fader_db(track):
    fader = next(stage for stage in track.strip if stage.processor is GAIN)
    return fader.automation["gain_db"][-1] if fader.automation else fader.settings["gain_db"]


def test_a_locked_track_stays_as_it_is(tracks):
    own = replace(START.tracks[1], strip=(Stage(GAIN, {"gain_db": 1.5}),), locked=True)
    start = replace(START, tracks=(START.tracks[0], own))
    for system in SYSTEMS:
        assert automatic_mix(song(tracks), start, system=system).tracks[1] == own


def test_what_the_console_does_not_know_is_mixed_by_rules():
    silence = [torch.zeros(1, RATE)] * 2
    with pytest.warns(UserWarning, match="does not know material like this.*mixed by rules"):
        mix = automatic_mix(song(silence), START)
    assert mix == automatic_mix(song(silence), START, system="rules")


def test_the_shipped_console_is_the_same_every_time(tracks):
    mixes = [automatic_mix(song(tracks), START) for _ in range(2)]
    assert mixes[0] == mixes[1]
    console = shipped()
    assert not any(weight.requires_grad for weight in console.model.parameters())
    assert not console.model.training


def test_an_unknown_system_is_refused_by_its_name(tracks):
    with pytest.raises(ValueError, match="system"):
        automatic_mix(song(tracks), START, system="ruls")


@pytest.mark.parametrize("name", MIXERS)
def test_the_function_of_every_entry_is_there(name):
    assert callable(MIXERS[name].load())


def test_the_table_imports_nothing():
    code = "import sys, dasp.controllers.table; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_weights_of_a_training_stand_in_for_those_of_the_package(tracks, tmp_path):
    forest = load_forest(FOREST)
    other = tmp_path / "forest.safetensors"
    save_forest(other, replace(forest, value=forest.value.flip(1)))
    start = replace(START, tracks=(Track("kick", role="kick"), Track("snare", role="snare")))
    mixes = {
        weights: automatic_mix(song(tracks), start, system="forest", weights=weights)
        for weights in (None, FOREST, other)
    }
    assert mixes[None] == mixes[FOREST] != mixes[other]
    with pytest.raises(ValueError, match="system: expected one of 'auto', 'console', 'forest'"):
        automatic_mix(song(tracks), START, system="rules", weights=FOREST)
    other.write_bytes(b"no forest")
    with pytest.raises(ValueError, match=r"forest\.safetensors"):
        automatic_mix(song(tracks), START, system="forest", weights=other)


def test_what_makes_audio_hears_references_or_none(tracks):
    with pytest.raises(ValueError, match="references: expected one or more, got none"):
        audio_of(song(tracks), "style-transfer")
    with pytest.raises(ValueError, match="system: expected one of 'style-transfer'"):
        audio_of(song(tracks), "wave-u-net", references=tracks)
