"""The knobs of a fit."""

import pytest
import torch

from dasp.estimation.fitting.knobs import free_knobs, with_more_knobs
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


def test_options_that_are_numbers_become_knobs():
    names = ["compressor.slow_mix", "compressor.slow_release_ms"]
    given = {"compressor.slow_release_ms": 50.0}
    more = with_more_knobs(STRIP, names, given)
    knobs = free_knobs(more, given, hold=["*gain_db", "*threshold_db", "*ratio", "*.mix"])
    assert [param.name for param in knobs.free][-2:] == names
    low, middle, high = (
        knobs.values(torch.full((knobs.size,), u)) for u in (0.0, 0.5, 1.0)
    )  # fmt: skip
    assert [v["compressor.slow_mix"].item() for v in (low, middle, high)] == [0.0, 0.5, 1.0]
    times = [v["compressor.slow_release_ms"].item() for v in (low, middle, high)]
    assert times == pytest.approx([0.5, 50.0, 5000.0])
    assert {o.name for o in STRIP.options} - {o.name for o in more.options} == set(names)
    STRIP.check_settings({k: v.item() for k, v in high.items()})
    assert with_more_knobs(STRIP, [], {}) == STRIP


def test_what_is_no_number_is_no_knob():
    for name in ("compressor.detector", "compressor.linked", "compressor.sidechain_high_pass_hz"):
        with pytest.raises(ValueError, match="expected a number between limits"):
            with_more_knobs(STRIP, [name], {})
    with pytest.raises(ValueError, match=r"did you mean 'compressor\.slow_mix'"):
        with_more_knobs(STRIP, ["compressor.slowmix"], {})
    with pytest.raises(ValueError, match=r"has no option 'gain\.gain_db'"):
        with_more_knobs(STRIP, ["gain.gain_db"], {})


def test_bad_names():
    with pytest.raises(ValueError, match="did you mean 'gain_db'"):
        free_knobs(GAIN, {}, hold=["gain_dB"])
    with pytest.raises(ValueError, match="nothing of gain is left"):
        free_knobs(GAIN, {}, hold=["*"])
