"""Targets of single tracks, and starts that lead out of a hollow."""

from dataclasses import replace

import pytest
import torch

from dasp.estimation.unmixing.cross_spectra import around, cross_spectra
from dasp.estimation.unmixing.linear_strips import (
    fit_strips,
    linear_error,
    plain_strips,
    strip_responses,
)
from dasp.estimation.unmixing.starts import begin_again, targets
from dasp.processors.catalogue import HIGH_PASS, PARAMETRIC_EQ
from dasp.processors.stage import Stage
from dasp.processors.strip import run_strip
from dasp.signal.iir import sosfilt

RATE = 22_050


@pytest.fixture(scope="module")
def tracks():
    draw = torch.Generator().manual_seed(0)
    return torch.randn(3, 1, 60_000, dtype=torch.float64, generator=draw)


def test_a_track_stands_as_far_from_its_target_as_it_changes_the_error(tracks):
    change = torch.tensor([[1.03, 0.98], [1.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    mix = (tracks * change[..., None]).sum(0)
    spectra = cross_spectra(tracks, mix, RATE)
    plain = plain_strips(torch.ones(3, 2))
    _, _, distance, least = targets(spectra, plain)
    error = linear_error(spectra, plain)
    assert 0.1 * error < distance[0] < error and distance[1:].max() < 1e-3 * error
    assert least < 1e-12


def test_a_track_that_explains_nothing_leaves(tracks):
    """And so does one of which there is next to nothing, but not one at 40 dB below the mix."""
    mix = (tracks[0] + 0.01 * tracks[1]).expand(2, -1)
    spectra = cross_spectra(tracks, mix, RATE)
    found = begin_again(
        spectra, plain_strips(torch.ones(3, 2)), ("gain", "eq"), torch.Generator().manual_seed(0)
    ).strips
    assert (found.gains != 0).any(-1).tolist() == [True, True, False]


def test_a_high_pass_is_there_only_where_there_is_one(tracks):
    high_pass = (Stage(HIGH_PASS, {"freq_hz": 150.0}),)
    mix = (run_strip(tracks[0], RATE, high_pass) + tracks[1] + tracks[2]).expand(2, -1)
    spectra = cross_spectra(tracks, mix, RATE)
    found = begin_again(
        spectra, plain_strips(torch.ones(3, 2)), ("gain", "high_pass", "eq"),
        torch.Generator().manual_seed(0),
    ).strips  # fmt: skip
    assert found.high_pass_on.tolist() == [True, False, False]
    assert abs(found.high_pass_hz[0].item() - 150) < 15


def test_around_leaves_the_residual_that_was_measured(tracks):
    """While products added up in bands do not quite know what a steep response leaves."""
    strips = replace(
        plain_strips(torch.ones(3, 2)),
        eq_gain_db=torch.tensor([[0.0, 0, 18, 0, 0, 0]] * 3, dtype=torch.float64),
        eq_q=torch.full((3, 6), 8.0, dtype=torch.float64),
    )
    true = (Stage(PARAMETRIC_EQ, PARAMETRIC_EQ.defaults() | {
        "peak_gain_db": [0.0, 18.0, 0.0, 0.0], "peak_q": [8.0] * 4,
        "low_shelf_q": 5.0, "high_shelf_q": 5.0}),)  # fmt: skip
    mix = sum(run_strip(track, RATE, true) for track in tracks).expand(2, -1)
    residual = torch.zeros_like(mix)
    spectra = cross_spectra(tracks, mix, RATE)
    banded = linear_error(spectra, strips)
    exact = linear_error(around(spectra, residual, strip_responses(strips, spectra)), strips)
    assert banded > 1e-6 and exact < 1e-12


def test_new_starts_lead_out_of_a_hollow(tracks):
    """Narrow bands in the wrong places: a descent stays there, a new start does not."""
    eq = PARAMETRIC_EQ.defaults() | {"peak_gain_db": [9.0, 0.0, -9.0, 0.0],
        "peak_freq_hz": [300.0, 700.0, 2500.0, 6000.0], "peak_q": [3.0] * 4}  # fmt: skip
    mix = run_strip(tracks[0], RATE, (Stage(PARAMETRIC_EQ, eq),)) + tracks[1] + tracks[2]
    mix = mix.expand(2, -1)
    spectra = cross_spectra(tracks, mix, RATE)
    plain = plain_strips(torch.ones(3, 2))
    freq_hz, q = plain.eq_freq_hz.clone(), plain.eq_q.clone()
    freq_hz[0, 1:5] = torch.tensor([40.0, 3000.0, 600.0, 1500.0])
    q[0, 1:5] = 19.0
    stuck = fit_strips(spectra, replace(plain, eq_freq_hz=freq_hz, eq_q=q), ("gain", "eq"))
    draw = torch.Generator().manual_seed(1)
    again = begin_again(spectra, stuck, ("gain", "eq"), draw).strips
    again = fit_strips(spectra, again, ("gain", "eq"))
    assert linear_error(spectra, stuck) > 30 * linear_error(spectra, again)
    torch.testing.assert_close(again.gains, torch.ones(3, 2).double(), atol=0.05, rtol=0)


def test_bands_that_take_each_other_back_are_told_apart(tracks):
    """Two neighbours of opposite sign, and a shelf on a high-pass: descents end at 4e-5."""
    eq = PARAMETRIC_EQ.defaults() | {
        "low_shelf_gain_db": 3.0, "low_shelf_freq_hz": 280.0,
        "peak_gain_db": [6.0, -9.0, 0.0, 8.0], "peak_freq_hz": [420.0, 3900.0, 5000.0, 2600.0],
        "peak_q": [3.0, 1.4, 1.0, 1.3], "high_shelf_gain_db": -4.0, "high_shelf_freq_hz": 6000.0,
    }  # fmt: skip
    true = (Stage(HIGH_PASS, {"freq_hz": 56.0}), Stage(PARAMETRIC_EQ, eq))
    mix = (run_strip(tracks[0], RATE, true) + tracks[1] + tracks[2]).expand(2, -1)
    spectra, draw = cross_spectra(tracks, mix, RATE), torch.Generator().manual_seed(0)
    found, parts = plain_strips(torch.ones(3, 2)), ("gain", "high_pass", "eq")
    for _ in range(2):
        images = sosfilt(tracks, found.sections(RATE)[:, None])[0] * found.gains[..., None]
        spectra = around(spectra, mix - images.sum(0), strip_responses(found, spectra))
        again = begin_again(spectra, found, parts, draw).strips
        found = fit_strips(spectra, again, parts)
    assert linear_error(spectra, found) < 1e-7
    assert found.high_pass_on.tolist() == [True, False, False]
    assert found.high_pass_hz[0].item() == pytest.approx(56, abs=1)
    torch.testing.assert_close(
        found.gains[1:], torch.ones(2, 2, dtype=torch.float64), atol=1e-3, rtol=0
    )
