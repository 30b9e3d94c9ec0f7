"""The style of a recording against plain measures, and its distance against the formula."""

import math

import pytest
import torch

from dasp.analysis import measure_loudness, measure_octave_spectrum
from dasp.controllers.style import embed
from dasp.estimation.matching.style import (
    GROUPS,
    mean_style,
    measure_style,
    quick_lufs,
    style_distance,
    style_errors,
)
from dasp.functional import parametric_eq, stereo_widener

RATE = 22_050


def _noise(seconds=3.0, channels=2):
    draw = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(channels, round(seconds * RATE), generator=draw)


def test_a_gain_changes_the_loudness_alone():
    x = _noise()
    errors = style_errors(measure_style(2 * x, RATE), measure_style(x, RATE))
    assert errors.pop("loudness") == pytest.approx(20 * math.log10(2), abs=1e-3)
    assert max(errors.values()) < 1e-2


def test_loudness_and_spectrum_are_those_of_the_measures():
    x = _noise()
    assert quick_lufs(x, RATE).item() == pytest.approx(measure_loudness(x, RATE).item(), abs=0.1)
    levels = measure_octave_spectrum(x, RATE, bands_per_octave=3).mean(-2)
    style = measure_style(x, RATE)
    apart = (style["spectrum"] + style["loudness"] - levels)[8:25]  # where bands hold many bins
    assert apart.abs().max() < 0.5


def test_half_a_side_is_six_decibels_narrower_in_every_octave():
    x = _noise()
    narrow = measure_style(stereo_widener(x, RATE, width=0.5), RATE)["width"]
    apart = measure_style(x, RATE)["width"] - narrow
    assert torch.allclose(apart[2:9], torch.full((7,), 20 * math.log10(2)), atol=0.01)


def test_a_shelf_is_heard_in_the_spectrum_by_its_gain():
    x = _noise()
    eq = {"low_shelf_gain_db": 0.0, "low_shelf_freq_hz": 100.0, "low_shelf_q": 0.7}
    eq |= {"high_shelf_gain_db": -6.0, "high_shelf_freq_hz": 1000.0, "high_shelf_q": 0.7}
    peak = {"peak_gain_db": [0.0], "peak_freq_hz": [500.0], "peak_q": [1.0]}
    before, after = (measure_style(y, RATE) for y in (x, parametric_eq(x, RATE, **eq, **peak)))
    tilt = [style["spectrum"][26] - style["spectrum"][9] for style in (before, after)]
    assert (tilt[1] - tilt[0]).item() == pytest.approx(-6.0, abs=0.3)


def test_the_distance_is_its_formula():
    own, wanted = measure_style(_noise(), RATE), measure_style(0.5 * _noise(), RATE)
    lu = (own["loudness"] - wanted["loudness"]).item()
    just_told, weight = GROUPS["loudness"]
    expected = weight * math.log1p((lu / just_told) ** 2)
    others = dict.fromkeys(GROUPS.keys() - {"loudness"}, 0.0)
    assert style_distance(own, wanted, others).item() == pytest.approx(expected, rel=1e-4)
    assert style_distance(own, own).item() == 0.0


def test_what_the_encoder_hears_counts_where_it_is_asked_for():
    x, y = _noise(), _noise().flip(-2) * torch.linspace(0.1, 1.0, _noise().shape[-1])
    own, wanted = (measure_style(audio, RATE, encoder=True) for audio in (x, y))
    assert torch.equal(own["encoder"], embed(x, RATE))
    just_told, weight = GROUPS["encoder"]
    cosine = (embed(x, RATE) @ embed(y, RATE)).item()
    numbers = own["encoder"].shape[-1]
    error = (2 - 2 * cosine) / numbers / just_told**2  # embeddings have a length of 1
    apart = [style_distance(own, wanted, w).item() for w in ({}, {"encoder": 2.0})]
    assert apart[1] - apart[0] == pytest.approx(2 * weight * math.log1p(error), rel=1e-3)
    assert "encoder" not in measure_style(x, RATE)


def test_the_distance_has_a_gradient_in_the_audio():
    x = _noise(1.0).double().requires_grad_()
    wanted = measure_style(0.5 * _noise(1.0).double().roll(99, -1), RATE)
    style_distance(measure_style(x, RATE), wanted).backward()
    assert x.grad.isfinite().all()
    step = x.grad / x.grad.norm()
    ahead, behind = (
        style_distance(measure_style(x.detach() + sign * 1e-5 * step, RATE), wanted)
        for sign in (1, -1)
    )
    assert ((ahead - behind) / 2e-5).item() == pytest.approx(x.grad.norm().item(), rel=1e-2)


def test_silence_has_a_style_and_a_gradient():
    x = torch.zeros(2, RATE, requires_grad=True)
    style = measure_style(x, RATE)
    sum(values.sum() for values in style.values()).backward()
    assert all(values.isfinite().all() for values in style.values())
    assert x.grad.isfinite().all()


def test_the_mean_of_styles_is_that_of_each_number():
    styles = [measure_style(gain * _noise(), RATE) for gain in (0.5, 2.0)]
    middle = measure_style(_noise(), RATE)["loudness"]
    assert torch.allclose(mean_style(styles)["loudness"], middle, atol=1e-3)
