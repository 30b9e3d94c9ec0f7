"""Matches whose answers are known: the reference is the mix behind known settings."""

from itertools import pairwise

import pytest
import torch

from dasp.analysis import (
    measure_crest_factor,
    measure_loudness,
    measure_true_peak,
)
from dasp.audio_io import load_audio
from dasp.estimation import match
from dasp.estimation.matching.style import measure_style, style_errors
from dasp.evaluation.metrics import measure_errors
from dasp.functional import limiter, parametric_eq, stereo_panner, stereo_widener

RATE = 16_000
EQ = {
    "low_shelf_gain_db": 6.0, "low_shelf_freq_hz": 150.0, "low_shelf_q": 0.7,
    "peak_gain_db": [-5.0], "peak_freq_hz": [1000.0], "peak_q": [0.7],
    "high_shelf_gain_db": 4.0, "high_shelf_freq_hz": 4000.0, "high_shelf_q": 0.7,
}  # fmt: skip


def _music(seconds=2.0, seed=0):
    """Bursts of noise over a drone, of which the sides differ."""
    draw = torch.Generator().manual_seed(seed)
    time = round(seconds * RATE)
    noise = torch.randn(2, time, generator=draw)
    mid_side = torch.stack((noise[0] + 0.3 * noise[1], noise[0] - 0.3 * noise[1]))
    beat = (torch.arange(time) % (RATE // 4)) / RATE
    return 0.1 * mid_side * (0.15 + torch.exp(-beat / 0.03))


def _limited(x):
    return limiter(x, RATE, ceiling_db=-24.0, release_ms=50.0)


def test_a_known_eq_gain_and_width_are_found():
    x = _music()
    wanted = 0.5 * stereo_widener(parametric_eq(x, RATE, **EQ), RATE, width=1.5)
    found = match(x, RATE, wanted, dynamics="none")
    y = found.chain.run(x, RATE)
    assert measure_loudness(y, RATE).item() == pytest.approx(
        measure_loudness(wanted, RATE).item(), abs=0.1
    )
    errors = measure_errors(y, wanted, RATE, names=("spectrum", "side_share"))
    before = measure_errors(x, wanted, RATE, names=("spectrum", "side_share"))
    assert errors["spectrum"] < 1.0 < before["spectrum"]
    assert errors["side_share"] < 0.01 < before["side_share"]
    assert found.distance[1] < 0.2 * found.distance[0]


def test_a_balance_is_found():
    x = _music()
    found = match(x, RATE, stereo_panner(x, RATE, pan=0.4), dynamics="none")
    assert found.chain.settings["stereo_panner.pan"] == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("dynamics", ["single", "multiband"])
def test_a_limited_reference_is_met_in_its_crest_factor(dynamics):
    x = _music()
    wanted = _limited(x)
    crest = [measure_crest_factor(y, RATE).mean().item() for y in (x, wanted)]
    assert crest[0] - crest[1] > 4
    y = (found := match(x, RATE, wanted, dynamics=dynamics)).chain.run(x, RATE)
    assert measure_crest_factor(y, RATE).mean().item() == pytest.approx(crest[1], abs=2.0)
    assert [part.name for part in found.chain.processor.parts].count("limiter") == 2


def test_a_reference_with_higher_peaks_is_met_by_an_expander():
    x = _limited(_music())
    wanted = 0.3 * _music(seed=1)
    y = (found := match(x, RATE, wanted)).chain.run(x, RATE)
    assert [part.name for part in found.chain.processor.parts].count("expander") == 1
    crest = [measure_crest_factor(z, RATE).mean().item() for z in (x, y, wanted)]
    assert crest[0] < crest[2] - 4
    assert crest[1] == pytest.approx(crest[2], abs=1.5)


def test_no_peak_is_over_the_ceiling():
    loud = (4 * _music(seed=1)).clamp(-1, 1)
    found = match(_music(), RATE, loud, dynamics="none")
    assert measure_true_peak(found.chain.run(_music(), RATE), RATE).max().item() <= -0.95


def test_nothing_is_done_with_an_amount_of_nothing():
    x = _music()
    wanted = 0.3 * parametric_eq(x, RATE, **EQ)
    found = match(x, RATE, wanted, amount=0.0, dynamics="none")
    assert [part.name for part in found.chain.processor.parts] == ["gain", "limiter"]
    assert torch.allclose(found.chain.run(x, RATE), x, atol=2e-3)
    half = match(x, RATE, wanted, amount=0.5, dynamics="none")
    whole = match(x, RATE, wanted, dynamics="none")
    gains = [f.chain.settings["graphic_eq_31.gain_db"] for f in (half, whole)]
    assert gains[0] == pytest.approx([gain / 2 for gain in gains[1]], abs=0.01)
    assert max(map(abs, gains[1])) > 3


def test_of_several_references_the_mean_is_wanted():
    x = _music()
    found = match(x, RATE, [0.25 * x, x], dynamics="none")
    mean = (measure_loudness(0.25 * x, RATE) + measure_loudness(x, RATE)).item() / 2
    loudness = measure_loudness(found.chain.run(x, RATE), RATE).item()
    assert loudness == pytest.approx(mean, abs=0.1)


def test_the_answers_to_unlike_music_stay_moderate():
    hiss = torch.randn(2, 2 * RATE, generator=torch.Generator().manual_seed(3)).cumsum(-1)
    hiss = 0.1 * hiss / hiss.abs().max()
    found = match(_music(), RATE, hiss, dynamics="none")
    gains = found.chain.settings["graphic_eq_31.gain_db"]
    assert max(abs(b - a) for a, b in pairwise(gains[:25])) < 6  # those below 7 kHz
    assert found.after["spectrum"] < found.before["spectrum"]


@pytest.mark.parametrize("dynamics", ["single", "none"])
def test_a_mono_mix_stays_mono(dynamics):
    x = _music()[:1]
    found = match(x, RATE, 0.5 * _music(seed=1), dynamics=dynamics)
    y = found.chain.run(x, RATE)
    assert y.shape == x.shape
    assert measure_loudness(y, RATE) == pytest.approx(
        measure_loudness(0.5 * _music(seed=1), RATE).item(), abs=0.2
    )
    assert any(note.startswith("mix: mono") for note in found.notes)


def test_a_mono_reference_says_nothing_of_width():
    x = _music()
    found = match(x, RATE, _music(seed=1)[:1], dynamics="none")
    errors = measure_errors(found.chain.run(x, RATE), x, RATE, names=("side_share",))
    assert errors["side_share"] < 0.01
    assert any("mono" in note for note in found.notes)


def test_a_clipped_reference_is_told():
    found = match(_music(), RATE, (20 * _music(seed=1)).clamp(-1, 1), dynamics="none")
    assert any("clipped" in note for note in found.notes)


def test_one_instrument_is_told():
    t = torch.arange(2 * RATE) / RATE
    tone = 0.1 * torch.sin(2 * torch.pi * 220 * t).expand(2, -1)
    found = match(_music(), RATE, tone, dynamics="none")
    assert any("as one instrument does" in note for note in found.notes)
    assert found.after["spectrum"] <= found.before["spectrum"]


def test_what_cannot_be_loud_is_told():
    quiet = 0.01 * _music()
    found = match(quiet, RATE, (4 * _music(seed=1)).clamp(-1, 1), dynamics="none")
    assert any(note.startswith("loudness:") for note in found.notes)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (torch.zeros(2, RATE), "reference: expected sound, got silence"),
        (torch.ones(2, 100), "reference: expected at least 0.4 s"),
        (torch.full((2, RATE), torch.nan), "reference: expected finite samples"),
        (torch.ones(3, RATE), "reference: expected mono or stereo"),
    ],
)
def test_references_without_a_style_are_refused(reference, message):
    with pytest.raises(ValueError, match=message):
        match(_music(), RATE, reference)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"amount": 1.5}, "amount"),
        ({"dynamics": "much"}, "dynamics"),
        ({"weights": {"colour": 1.0}}, "weights"),
        ({"weights": {"crest": -1.0}}, "weights.'crest'."),
        ({"excerpt_s": 0.1}, "excerpt_s"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        match(_music(), RATE, _music(seed=1), **arguments)
    with pytest.raises(ValueError, match="references"):
        match(_music(), RATE, [])


def test_the_effect_encoder_listens_where_it_is_asked_to():
    mix, reference = _music(), stereo_widener(_music(seed=1), RATE, width=0.2)
    deaf, found = (
        match(mix, RATE, reference, dynamics="none", weights=weights)
        for weights in ({}, {"encoder": 5.0})
    )
    assert "encoder" not in deaf.after
    assert found.after["encoder"] < found.before["encoder"]


def test_the_same_call_finds_the_same():
    found = [match(_music(), RATE, _music(seed=1), dynamics="none").chain for _ in range(2)]
    assert found[0].settings == found[1].settings


@pytest.mark.long
def test_it_comes_nearer_to_the_truth_than_the_published_converter(shared_data):
    """Means over four items of what the published style transfer reaches, and the plain input."""
    published = {"spectrum": 4.27, "crest_factor": 2.95, "audio_features": 0.063}
    published["side_share"] = 0.034
    errors = []
    for folder in sorted((shared_data / "style_transfer_koo").iterdir()):
        x, reference, truth = (
            load_audio(folder / f"{name}.flac")[0] for name in ("input", "reference", "gt")
        )
        y = match(x, 44_100, reference).chain.run(x, 44_100)
        errors.append(measure_errors(y, truth, 44_100, names=list(published)))
    for name, theirs in published.items():
        assert sum(error[name] for error in errors) / len(errors) < theirs
    assert len(errors) == 4


def test_the_report_is_of_what_is_heard():
    x, wanted = _music(), 0.5 * _music(seed=1)
    found = match(x, RATE, wanted, dynamics="none")
    styles = (measure_style(y, RATE) for y in (found.chain.run(x, RATE), wanted))
    heard = style_errors(*styles)
    assert heard["spectrum"] == pytest.approx(found.after["spectrum"], abs=0.1)
