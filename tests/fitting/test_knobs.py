"""The knobs of a fit."""

import pytest
import torch

from dasp.fitting.knobs import free_knobs
from dasp.processors.catalogue import COMPRESSOR, GAIN, NOISE_GATE, PARAMETRIC_EQ
from dasp.processors.chain import chain

STRIP = chain(GAIN, COMPRESSOR)


def test_settings_come_back():
    given = {"gain.gain_db": -7.0, "compressor.ratio": 6.0, "compressor.knee_db": 0.0}
    knobs = free_knobs(STRIP, given)
    settings = knobs.settings(knobs.at(given))
    assert settings["gain.gain_db"].item() == pytest.approx(-7.0)
    assert settings["compressor.ratio"].item() == pytest.approx(6.0)
    assert settings["compressor.knee_db"].item() == pytest.approx(0.0)
    assert settings["compressor.detector"] == "peak"


def test_no_number_leaves_the_ranges():
    knobs = free_knobs(STRIP, {})
    for u in (torch.randn(100, knobs.size), torch.zeros(1, knobs.size), torch.ones(1, knobs.size)):
        STRIP.check_settings({k: v for k, v in knobs.values(100 * u).items()})


def test_what_is_held_stays():
    knobs = free_knobs(STRIP, {"compressor.mix": 0.25}, hold=["*.mix", "gain.gain_db"])
    names = [param.name for param in knobs.free]
    assert "compressor.mix" not in names and "gain.gain_db" not in names
    settings = knobs.settings(torch.rand(knobs.size))
    assert settings["compressor.mix"] == 0.25 and settings["gain.gain_db"] == 0.0


def test_decisions_are_held_where_there_is_only_a_derivative():
    assert "threshold_db" in [p.name for p in free_knobs(NOISE_GATE, {}).free]
    free = free_knobs(NOISE_GATE, {}, differentiable=True).free
    assert "threshold_db" not in [p.name for p in free]


def test_groups_are_processors_and_bands():
    knobs = free_knobs(chain(GAIN, PARAMETRIC_EQ), {})
    assert sorted(place for group in knobs.groups() for place in group) == list(range(knobs.size))
    turned = {}
    for group in knobs.groups():
        u = torch.full((knobs.size,), 0.5)
        u[group] = 0.6
        before, after = knobs.values(torch.full((knobs.size,), 0.5)), knobs.values(u)
        names = {name for name in before if not before[name].equal(after[name])}
        moved = {tuple((before[name] != after[name]).flatten().nonzero()[:, 0].tolist())
                 for name in names}  # fmt: skip
        turned[tuple(sorted(names))] = turned.get(tuple(sorted(names)), set()) | moved
    peaks = [f"parametric_eq.peak_{what}" for what in ("freq_hz", "gain_db", "q")]
    assert turned[("gain.gain_db",)] == {(0,)}
    assert turned[tuple(peaks)] == {(0,), (1,), (2,), (3,)}
    assert len(turned) == 3


def test_bad_names():
    with pytest.raises(ValueError, match="did you mean 'gain_db'"):
        free_knobs(GAIN, {}, hold=["gain_dB"])
    with pytest.raises(ValueError, match="nothing of gain is left"):
        free_knobs(GAIN, {}, hold=["*"])
