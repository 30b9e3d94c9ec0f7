"""The classic controllers as such: their documents render, and silence does no harm."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness, measure_true_peak
from dasp.controllers.rules import strips
from dasp.controllers.rules.strips import at_loudness
from dasp.controllers.table import MIXERS
from dasp.mixing.document import load_mix, save_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.signal.true_peak import peaks_between

RATE = 16_000
CLASSIC = {name: entry.load() for name, entry in MIXERS.items() if entry.home.startswith("rules.")}
CLASSIC.pop("rules")
NAMES = ("kick", "vox", "gtr", "unused")


@pytest.fixture(scope="module")
def tracks():
    draw = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(3, 1, 2 * RATE, generator=draw)
    return (noise[0], noise[1].expand(2, -1), 0.3 * noise[2], torch.zeros(1, 2 * RATE))


@pytest.mark.parametrize("name", CLASSIC)
def test_a_mix_is_a_document_and_renders_again_to_the_same_samples(name, tracks, tmp_path):
    mix = CLASSIC[name](Song.of(NAMES, tracks, RATE))
    y = mix_down(tracks, mix)
    assert y.shape == (2, 2 * RATE) and y.isfinite().all() and y.any()
    files = tuple(replace(t, file=str(tmp_path / f"{t.name}.wav")) for t in mix.tracks)
    save_mix(tmp_path / "mix.json", replace(mix, tracks=files))
    assert torch.equal(mix_down(tracks, load_mix(tmp_path / "mix.json")), y)


@pytest.mark.parametrize("name", CLASSIC)
def test_silence_mixes_to_silence(name):
    silence = (torch.zeros(1, RATE), torch.zeros(2, RATE))
    mix = CLASSIC[name](Song.of("ab", silence, RATE))
    assert not mix_down(silence, at_loudness(mix, silence, -18.0)).any()


def test_a_mix_is_brought_to_a_loudness_under_its_ceiling(tracks):
    mix = at_loudness(CLASSIC["equal-loudness"](Song.of(NAMES, tracks, RATE)), tracks, -14.0)
    y = mix_down(tracks, mix)
    assert measure_loudness(y, RATE).item() == pytest.approx(-14.0, abs=0.06)
    assert measure_true_peak(y, RATE).max() < -0.9


def test_a_drift_that_nobody_hears_is_silence():
    """Wherever it stands, and however far from zero: no part of it begins with a step."""
    place = 2 * torch.pi * torch.arange(10 * RATE) / RATE
    assert strips.is_silent(0.5 * torch.sin(0.1 * place)[None], RATE)
    assert not strips.is_silent(0.01 * torch.sin(440 * place)[None], RATE)


@pytest.mark.parametrize(("target_lufs", "looks"), [(-30.0, 0), (-9.0, 1)])
def test_peaks_are_looked_for_once_and_only_near_the_ceiling(
    tracks, target_lufs, looks, monkeypatch
):
    looked = []

    def counted(x, least):
        looked.append(x)
        return peaks_between(x, least)

    monkeypatch.setattr(strips, "peaks_between", counted)
    mix = at_loudness(CLASSIC["equal-loudness"](Song.of(NAMES, tracks, RATE)), tracks, target_lufs)
    assert len(looked) == looks
    y = mix_down(tracks, mix)
    assert measure_loudness(y, RATE).item() == pytest.approx(target_lufs, abs=0.06)


def test_the_old_table_goes_on_working_and_says_the_new_one(tracks):
    with pytest.warns(DeprecationWarning, match=r"dasp\.controllers\.table\.MIXERS"):
        from dasp.controllers.rules.classic import CLASSIC as before
    mix = before["equal-loudness"](NAMES, tracks, RATE)
    assert set(before) == set(CLASSIC)
    assert mix == CLASSIC["equal-loudness"](Song.of(NAMES, tracks, RATE))
