"""Systems by name: one call for all, and what each does with what is locked."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.cli import mix as command
from dasp.controllers.dmc_mix import shipped
from dasp.controllers.forest import WEIGHTS as FOREST
from dasp.controllers.systems import LEARNT, NETWORKS, SYSTEMS, automatic_mix
from dasp.controllers.trees import load_forest, save_forest
from dasp.mixing.mixdown import mix_down
from dasp.mixing.settings import Mix, Stage, Track
from dasp.processors.catalogue import GAIN

RATE = 16_000
START = Mix(RATE, tuple(Track(n, f"{n}.wav", r) for n, r in (("a", "kick"), ("b", "vocal"))))


@pytest.fixture
def tracks():
    draw = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 1, 2 * RATE, generator=draw)
    return [0.1 * noise[0], 0.02 * noise[1]]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_system_reaches_the_loudness_and_keeps_files_and_roles(system, tracks):
    mix = automatic_mix(tracks, START, system=system, target_lufs=-20.0)
    loudness = measure_loudness(mix_down(tracks, mix), RATE).item()
    assert loudness == pytest.approx(-20.0, abs=0.1)
    assert [(t.file, t.role) for t in mix.tracks] == [("a.wav", "kick"), ("b.wav", "vocal")]


def test_only_the_rules_work_around_what_is_locked(tracks):
    locked = (Stage(GAIN, {"gain_db": -3.0}, locked=True),)
    start = replace(START, tracks=(replace(START.tracks[0], strip=locked), START.tracks[1]))
    assert locked[0] in automatic_mix(tracks, start, system="rules").tracks[0].strip
    with pytest.warns(UserWarning, match="cannot work around what is locked; mixed by rules"):
        mix = automatic_mix(tracks, start)
    assert locked[0] in mix.tracks[0].strip
    with pytest.raises(ValueError, match="dugan cannot work around what is locked"):
        automatic_mix(tracks, start, system="dugan")


def test_what_the_console_does_not_know_is_mixed_by_rules():
    silence = [torch.zeros(1, RATE)] * 2
    with pytest.warns(UserWarning, match="does not know material like this.*mixed by rules"):
        mix = automatic_mix(silence, START)
    assert mix == automatic_mix(silence, START, system="rules")


def test_the_shipped_console_is_the_same_every_time(tracks):
    mixes = [automatic_mix(tracks, START) for _ in range(2)]
    assert mixes[0] == mixes[1]
    console = shipped()
    assert not any(weight.requires_grad for weight in console.model.parameters())
    assert not console.model.training


def test_an_unknown_system_is_refused_by_its_name(tracks):
    with pytest.raises(ValueError, match="system"):
        automatic_mix(tracks, START, system="ruls")


def test_the_command_line_offers_all_of_them():
    assert tuple(SYSTEMS) == command.SYSTEMS and tuple(LEARNT) == command.LEARNT
    assert tuple(NETWORKS) == command.NETWORKS


def test_weights_of_a_training_stand_in_for_those_of_the_package(tracks, tmp_path):
    forest = load_forest(FOREST)
    other = tmp_path / "forest.safetensors"
    save_forest(other, replace(forest, value=forest.value.flip(1)))
    start = replace(START, tracks=(Track("kick"), Track("snare")))
    mixes = {
        weights: automatic_mix(tracks, start, system="forest", weights=weights)
        for weights in (None, FOREST, other)
    }
    assert mixes[None] == mixes[FOREST] != mixes[other]
    with pytest.raises(ValueError, match="system: expected one of 'console', 'forest'"):
        automatic_mix(tracks, START, system="rules", weights=FOREST)
    other.write_bytes(b"no forest")
    with pytest.raises(ValueError, match=r"forest\.safetensors"):
        automatic_mix(tracks, START, system="forest", weights=other)
