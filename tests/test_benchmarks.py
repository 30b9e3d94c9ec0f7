"""The arithmetic and the report of the benchmarks; nothing here is timed."""

import doctest
import json
import os
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="numba is not installed")

from benchmarks import ballistics, common, compressor, console, eq, mixing_time, report, scaling
from benchmarks.common import Contender, Work, alternate, error_db, failure, measure, summary
from benchmarks.settings import eq_settings, noise, sections
from dasp.signal.biquad import frequency_response
from dasp.songs.folders import load_song


def test_contenders_take_turns_and_each_round_starts_one_place_later():
    heard = []
    calls = {name: (lambda name=name: heard.append(name)) for name in "abc"}
    times = alternate(calls, rounds=4, seconds_each=60)
    assert "".join(heard) == "abcbcacababc"
    assert [len(times[name]) for name in "abc"] == [4, 4, 4]


def test_a_slow_contender_stops_after_the_least_rounds(monkeypatch):
    clock = iter(range(0, 10_000, 1))
    monkeypatch.setattr(common.time, "perf_counter", lambda: next(clock))  # a second each
    times = alternate({"slow": lambda: None}, rounds=20, seconds_each=2)
    assert times["slow"] == [1] * common.LEAST_ROUNDS


def test_the_summary_is_the_median_and_the_quartiles():
    assert summary([5.0, 1.0, 2.0, 4.0, 3.0]) == {
        "median_s": 3.0,
        "quartiles_s": [2.0, 4.0],
        "rounds": 5,
    }


def test_error_is_the_energy_of_the_difference():
    reference = np.array([3.0, 4.0])
    assert error_db(np.array([3.0, 4.5]), reference) == pytest.approx(-20)
    assert error_db(reference, reference) < -300


def test_a_failure_is_recorded_without_paths():
    def refuse():
        raise OSError("Could not load this library: /home/someone/.venv/lib/_x.so")

    def missing():
        import no_such_peer  # noqa: F401

    work = Work(
        "w", "Work",
        (Contender("a", refuse), Contender("b", missing), Contender("c", lambda: lambda: None)),
    )  # fmt: skip
    a, b, c = measure("none", work, quick=True)["results"]
    assert a["status"] == "refused: Could not load this library: _x.so"
    assert b["status"] == "not installed (no_such_peer)"
    assert c["status"] == "ok" and c["rounds"] == 3
    assert failure(ValueError()) == "refused: ValueError"


def test_peak_memory_sees_what_is_freed_again():
    size = 2**26

    def call():
        torch.ones(size // 4).sum()

    peak = common.peak_memory(call)
    if peak is None:
        pytest.skip("the resident set is read from /proc")
    assert 0.9 * size < peak < 1.5 * size


def _gradient_by_differences(function, x, cotangent, places, step=1e-6):
    found = []
    for place in places:
        shift = np.zeros_like(x)
        shift[place] = step
        found.append(((function(x + shift) - function(x - shift)) * cotangent).sum() / (2 * step))
    return np.array(found)


PLACES = [(0, 0, 30), (1, 1, 200), (0, 1, 390)]


def test_the_reference_of_the_compressor_has_the_gradient_of_its_answer():
    settings = compressor.compressor_settings(2)
    x, cotangent = (noise(2, 2, 400, seed=seed).double().numpy() for seed in (5, 6))
    _, gradient = compressor.compress_each(x, cotangent, settings)
    expected = _gradient_by_differences(
        lambda x: compressor.compress_each(x, cotangent, settings)[0], x, cotangent, PLACES
    )
    assert [gradient[place] for place in PLACES] == pytest.approx(expected, rel=1e-5)


POLES = np.array([0.5, 0.6]), np.array([0.9, 0.95])
MOVING_POLE = np.linspace(0.2, 0.9, 100).reshape(2, 50)


@pytest.mark.parametrize(
    ("loop", "arguments"),
    [(ballistics._branching_loop, POLES), (ballistics._recurrence_loop, (MOVING_POLE,))],
)
def test_the_references_of_the_recursions_have_the_gradients_of_their_answers(loop, arguments):
    x = noise(2, 50).abs().double().numpy()
    places = [(0, 10), (1, 49)]
    expected = _gradient_by_differences(lambda x: loop(x, *arguments)[0], x, x, places)
    gradient = loop(x, *arguments)[1]
    assert [gradient[place] for place in places] == pytest.approx(expected, rel=1e-5)


def test_the_sections_have_the_gains_of_the_settings():
    settings = eq_settings(3)
    total = sum(settings[f"{band}_gain_db"] for band in ("low_shelf", "high_shelf"))
    ends = frequency_response(sections(settings), torch.tensor([0.0, 22_050.0]), 44_100).abs()
    assert sections(settings).shape == (3, 6, 6)
    assert torch.allclose(20 * torch.log10(ends).sum(-1).float(), total, atol=1e-4)


@pytest.mark.parametrize("module", [eq, compressor, console, ballistics])
def test_dasp_gives_the_answer_that_it_is_measured_against(module):
    for work in module.works(quick=True):
        (own,) = [c for c in work.contenders if c.name == "dasp"]
        assert error_db(common.as_array(own.prepare()()), work.reference()) < -100


def _work(**peers):
    rows = [
        {"name": name, "status": "ok", "note": "", "rounds": 3, "error_db": -120.0} | row
        | {"quartiles_s": [row["median_s"], row["median_s"]]}
        if "median_s" in row
        else {"name": name, "note": ""} | row
        for name, row in peers.items()
    ]  # fmt: skip
    least = {"least_bytes": 8_000_000, "least_operations": 40e6}
    return {"name": "eq_forward", "title": "EQ", **least, "results": rows}


def test_the_report_holds_targets_losses_and_what_is_missing():
    work = _work(
        dasp={"median_s": 0.010},
        **{
            "dasp-pytorch": {"median_s": 0.120},
            "SciPy float64": {"median_s": 0.020},
            "pedalboard": {"median_s": 0.005, "note": "not the same: less"},
            "philtorch": {"status": "not installed (philtorch)"},
        },
    )
    environment = {
        "versions": {"torch": "2"}, "cpu": "a CPU", "cores": 2, "memory_gb": 8, "system": "Linux",
        "threads": 2, "load_before": 0.0, "copy_bytes_per_s": 8e9, "peak_operations_per_s": 50e9,
    }  # fmt: skip
    records = {"eq": {"environment": environment, "quick": False, "works": [work]}}
    text = report.render(json.loads(json.dumps(records)))
    assert "| EQ | 10 ms | dasp-pytorch | 120 ms | 12.0 x | 12 x | reached |" in text
    assert "| EQ | 10 ms | SciPy float64 | 20 ms | 2.00 x | 2.5 x | **not reached** |" in text
    assert "| EQ | 10 ms | pedalboard (not the same) | 5 ms | 0.50 x |" in text
    assert "| philtorch | not installed (philtorch) |" in text
    assert "Floor 1 ms: dasp takes 10.0 times that." in text
    assert "Arithmetic alone, 40 million operations, 0.8 ms: 12.5 times that." in text
    assert "busy" not in text and "quick run" not in text
    environment["load_before"], records["eq"]["quick"] = 2.0, True
    text = report.render(records)
    assert "busy" in text and "quick run" in text


def test_growth_is_against_the_first_point():
    points = [
        {"value": 10, "median_s": 1.0, "peak_bytes": 100},
        {"value": 60, "median_s": 6.6, "peak_bytes": 300},
    ]
    assert scaling.growth(points, "median_s") == pytest.approx(1.1)
    assert scaling.growth(points, "peak_bytes") == 1
    series = {"name": "a / length", "points": [{"value": 1, "peak_bytes": 1}, *points]}
    assert report.linear_part(series) == points
    assert report.linear_part(series | {"name": "a / threads"}) == []


def test_growth_is_judged_where_no_call_finds_the_cache_warm():
    points = [
        {"value": value, "median_s": again, "in_a_set_s": in_a_set, "peak_bytes": 100 * value,
         "signal_bytes": 4_000_000 * value, "page_faults": 50}
        for value, again, in_a_set in ((10, 0.010, 0.020), (100, 0.200, 0.206))
    ]  # fmt: skip
    (_, rows) = report._growth_and_accuracy({}, [{"name": "a / batch", "points": points}])
    assert "| a / batch | 1.03 | 1.00 | 2.00 | reached |" in rows
    slow = [points[0], points[1] | {"in_a_set_s": 0.230}]
    (_, rows) = report._growth_and_accuracy({}, [{"name": "a / batch", "points": slow}])
    assert "| a / batch | 1.15 | 1.00 | 2.00 | **not reached** |" in rows
    text = report._scaling([{"name": "a / batch", "unit": "items", "points": points}], 8e9)[-1]
    assert "| 100 | 200 ms | 2 ms | 2.06 ms | 1 ms | 0.5 | 0 MB |" in text


def test_processor_time_beside_others_is_judged():
    rows = [
        {"name": "EQ", "alone_s": 0.010, "beside_s": 0.012, "ratio": 1.2},
        {"name": "unmix", "alone_s": 2.0, "beside_s": 4.0, "ratio": 2.0},
    ]
    _, text = report._neighbours(rows)
    assert "| EQ | 10 ms | 12 ms | 1.20 | reached |" in text
    assert "| unmix | 2 s | 4 s | 2.00 | **not reached** |" in text
    assert report._neighbours([]) == []


def test_what_a_mix_takes_is_judged_by_its_time_and_its_memory():
    took = {"seconds": 240.0, "wall_s": 4.0, "processor_s": 6.0, "peak_bytes": 1_000_000_000}
    rows = [
        {"name": "dasp mix --preview", **took},
        {"name": "dasp mix", **took, "wall_s": 40.0, "peak_bytes": 3_100_000_000},
    ]
    said, text = report._mixing_time(rows)
    assert "24 tracks of 240 s" in said
    assert "| `dasp mix --preview` | 4 s | 6 s | 1,000 MB | 5 s, 3,000 MB | reached |" in text
    assert "| `dasp mix` | 40 s | 6 s | 3,100 MB | 45 s, 3,000 MB | **not reached** |" in text
    assert report._mixing_time([]) == []


def test_the_song_of_the_benchmark_has_mono_and_stereo_tracks_whose_names_tell(tmp_path):
    mixing_time.make_song(tmp_path / "song", 0.2)
    song = load_song(tmp_path / "song")
    assert len(song.names) == 24 and song.channels.count(2) == 12
    assert "other" not in song.roles


def test_the_examples_of_the_report_run():
    assert doctest.testmod(report).failed == 0


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not tell")
def test_a_command_has_the_peak_of_its_own_memory():
    """And not that of the process which measures it."""
    mine = np.ones(2**26)  # 512 MiB
    taken = mixing_time.measure_command([sys.executable, "-c", "pass"])
    assert 0 < taken["peak_bytes"] < mine.nbytes / 4
    with pytest.raises(RuntimeError, match="exit status 3"):
        mixing_time.measure_command([sys.executable, "-c", "raise SystemExit(3)"])
