"""Fits whose answer is known."""

import pytest
import torch

import dasp
from dasp.estimation.fitting import fit
from dasp.functional import time_shift
from dasp.grad import TCN
from dasp.processors.catalogue import (
    CATALOGUE,
    COMPRESSOR,
    CONVOLUTION_REVERB,
    DISTORTION,
    GAIN,
    LOW_PASS,
)
from dasp.processors.chain import chain

RATE = 16_000


class ExactGain(TCN):
    """A network that has learnt the gain of `GAIN` from its control without an error."""

    def __init__(self):
        super().__init__(1, RATE, width=4)

    def forward(self, x, controls):
        gain_db = GAIN.to_physical(controls)["gain_db"]
        return x * 10 ** (gain_db / 20)[..., None, None]


@pytest.fixture
def dry():
    """A second of noise in bursts, which has levels for a compressor to find."""
    time = torch.arange(RATE) / RATE
    return 0.5 * torch.exp(-8 * (time % 0.2)) * torch.rand(1, RATE).sub(0.5)


def test_gain_and_filter(dry):
    strip = chain(GAIN, LOW_PASS)
    processed = strip(dry, RATE, **{"gain.gain_db": -9.0, "low_pass.freq_hz": 1500.0})
    found = fit(dry, processed, RATE, strip, {"low_pass.freq_hz": 5000.0})
    assert found.settings["gain.gain_db"] == pytest.approx(-9.0, abs=0.01)
    assert found.settings["low_pass.freq_hz"] == pytest.approx(1500.0, rel=1e-3)
    assert found.lag_samples == 0
    assert found.error_db["start"] > -5 and found.error_db["polish"] < -50


def test_the_errors_are_those_of_the_whole_recording(dry):
    processed = (2 * dry).tanh()
    found = fit(dry, processed, RATE, GAIN, {"gain_db": -3.0}, excerpt_s=0.3)
    for stage, gain_db in (("start", -3.0), ("polish", found.settings["gain_db"])):
        error = GAIN(dry, RATE, gain_db=gain_db) - processed
        esr_db = 10 * torch.log10(error.square().sum() / processed.square().sum())
        assert found.error_db[stage] == pytest.approx(esr_db.item(), abs=0.01)


@pytest.mark.parametrize("gradient", ["autodiff", "finite_difference", "spsa"])
def test_a_compressor_in_every_mode(dry, gradient):
    true = {"threshold_db": -30.0, "ratio": 3.0, "attack_ms": 4.0, "release_ms": 60.0}
    processed = COMPRESSOR(dry, RATE, **true)
    hold = ["knee_db", "makeup_gain_db", "lookahead_ms", "mix"]
    found = fit(dry, processed, RATE, COMPRESSOR, gradient=gradient, hold=hold, rounds=2)
    assert found.error_db["polish"] < (-30 if gradient == "spsa" else -50)
    if gradient != "spsa":
        assert {name: found.settings[name] for name in true} == pytest.approx(true, rel=0.08)
    assert found.settings["mix"] == 1.0


@pytest.mark.parametrize("lag", [37.0, 12.4, -5.3])
def test_a_lag_is_found_to_a_part_of_a_sample(lag):
    time = torch.arange(RATE, dtype=torch.float64) / RATE
    noise = torch.randn(1, RATE, dtype=torch.float64)
    smooth = LOW_PASS(noise, RATE, freq_hz=2000.0, order=8) * torch.sin(torch.pi * time)
    processed = time_shift(0.5 * smooth, RATE, delay_samples=lag)
    found = fit(smooth, processed, RATE, GAIN)
    assert found.lag_samples == pytest.approx(lag, abs=0.01)
    assert found.settings["gain_db"] == pytest.approx(-6.02, abs=0.01)
    assert found.error_db["polish"] < -45


def test_the_same_seed_finds_the_same(dry):
    processed = DISTORTION(dry, RATE, drive_db=20.0, mix=0.5)
    one, again = (
        fit(dry, processed, RATE, DISTORTION, gradient="spsa", rounds=1, seed=3) for _ in range(2)
    )
    assert one.settings == again.settings and one.history == again.history


def test_stereo_and_a_held_tensor(dry):
    stereo = torch.cat((dry, dry.flip(-1)))
    response = torch.zeros(2, 100)
    response[:, [0, 60]] = torch.tensor([1.0, 0.5])
    settings = {"impulse_response": response}
    processed = CONVOLUTION_REVERB(stereo, RATE, **settings, mix=0.6)
    found = fit(stereo, processed, RATE, CONVOLUTION_REVERB, settings, hold=["pre_delay_ms"])
    assert found.error_db["polish"] < -50
    assert found.settings["impulse_response"] is response


@pytest.mark.parametrize("gradient", ["proxy", "half_hybrid", "full_hybrid"])
def test_a_network_that_is_a_gain_leads_to_the_gain(dry, gradient):
    """With the exact answer of the gain in its last layer, every kind of proxy has its gradient."""
    network = ExactGain()
    processed = 0.5 * dry
    found = fit(dry, processed, RATE, GAIN, gradient=gradient, network=network, excerpt_s=0.3)
    assert found.settings["gain_db"] == pytest.approx(-6.02, abs=0.05)
    assert found.error_db["polish"] < -40


def test_options_of_the_compressor_are_found_too(dry):
    """Without the slow part of the reduction, its share cannot be explained."""
    true = {"slow_mix": 0.5, "slow_attack_ms": 50.0, "slow_release_ms": 600.0}
    processed = COMPRESSOR(dry, RATE, threshold_db=-40.0, **true)
    held = ["ratio", "knee_db", "attack_ms", "release_ms", "makeup_gain_db", "lookahead_ms", "mix"]
    options = {"hold": held, "rounds": 1}
    without = fit(dry, processed, RATE, COMPRESSOR, **options)
    found = fit(dry, processed, RATE, COMPRESSOR, also=[*true], **options)
    assert found.error_db["polish"] < min(-45, without.error_db["polish"] - 10)
    assert {name: found.settings[name] for name in true} == pytest.approx(true, rel=0.1)


@pytest.mark.parametrize(
    ("processor", "name"),
    [("limiter", "lookahead_ms"), ("feedback_delay_network", "size")],
)
def test_an_option_that_fixes_a_length_is_refused(dry, processor, name):
    with pytest.raises(ValueError, match=f"also: {name} fixes a length"):
        fit(dry, dry, RATE, CATALOGUE[processor], also=[name])


def test_the_lazy_name():
    assert dasp.fit is fit


def test_bad_input(dry):
    with pytest.raises(ValueError, match=r"the shape of dry, \(1, 16000\), got \(1, 15999\)"):
        fit(dry, dry[:, 1:], RATE, GAIN)
    with pytest.raises(ValueError, match="processed: expected sound, got silence"):
        fit(dry, 0 * dry, RATE, GAIN)
    with pytest.raises(ValueError, match="dry: expected finite samples"):
        fit(dry / 0, dry, RATE, GAIN)
    with pytest.raises(ValueError, match="gradient: expected one of 'autodiff'"):
        fit(dry, dry, RATE, GAIN, gradient="automatic")
    with pytest.raises(ValueError, match=r"dry: expected shape \(channels, time\)"):
        fit(dry[None], dry[None], RATE, GAIN)
    with pytest.raises(ValueError, match="has no parameter 'gain'"):
        fit(dry, dry, RATE, GAIN, {"gain": 1.0})
    with pytest.raises(ValueError, match="network: proxy needs the trained proxy of gain"):
        fit(dry, dry, RATE, GAIN, gradient="proxy")
    with pytest.raises(ValueError, match="listens to another recording"):
        fit(dry, dry, RATE, COMPRESSOR, {"sidechain": dry})
