"""Starts of a fit: past an answer that is best only nearby."""

import pytest
import torch

from dasp.estimation.fitting import rounds as rounds_of
from dasp.estimation.fitting.fit import fit
from dasp.processors import Param, Processor
from dasp.processors.catalogue import PARAMETRIC_EQ

RATE = 32_000


def tremolo(x, sample_rate, *, rate_hz, depth):
    """Another rate is no better than none, until it is nearly right."""
    angle = 2 * torch.pi * rate_hz[..., None] * torch.arange(x.shape[-1]) / sample_rate
    return x * (1 + depth[..., None] * angle.sin())[..., None, :].to(x)


TREMOLO = Processor(
    tremolo,
    Param("rate_hz", 1.0, 15.0, default=3.0),
    Param("depth", 0.0, 1.0, default=0.5),
)


@pytest.fixture
def dry():
    return torch.rand(1, RATE, generator=torch.Generator().manual_seed(0)) - 0.5


def test_a_later_round_leaves_an_answer_that_is_best_only_nearby(dry):
    processed = tremolo(dry, RATE, rate_hz=torch.tensor(11.3), depth=torch.tensor(0.7))
    one, many = (fit(dry, processed, RATE, TREMOLO, rounds=rounds) for rounds in (2, 40))
    assert one.error_db["polish"] > -15
    assert many.settings["rate_hz"] == pytest.approx(11.3, abs=0.01)
    assert many.settings["depth"] == pytest.approx(0.7, abs=0.01)
    assert many.error_db["polish"] < -50


def test_settings_that_sound_like_the_best_are_where_it_starts_again(dry, monkeypatch):
    """Three starts lead nowhere, unless the third is one that sounds alike and is right."""
    true = {"rate_hz": 11.3, "depth": 0.7}
    processed = tremolo(dry, RATE, **{name: torch.tensor(value) for name, value in true.items()})
    without = fit(dry, processed, RATE, TREMOLO, rounds=3)
    monkeypatch.setattr(
        rounds_of, "settings_alike", lambda stages, *_: stages.knobs.at(true)[None] + 0.001
    )
    found = fit(dry, processed, RATE, TREMOLO, rounds=3)
    assert without.error_db["polish"] > -15
    assert found.error_db["polish"] < -50


def test_no_round_follows_a_good_one(dry):
    processed = PARAMETRIC_EQ(dry, RATE, peak_gain_db=torch.tensor([3.0, -3.0, 3.0, -3.0]))
    hold = ["*freq_hz", "*_q"]
    one, many = (fit(dry, processed, RATE, PARAMETRIC_EQ, hold=hold, rounds=n) for n in (1, 40))
    assert one.history == many.history
    assert many.error_db["polish"] < -50


def test_more_and_more_is_heard(dry):
    """Half a second says nothing of a gain that comes after a second."""

    def fade(x, sample_rate, *, early, later):
        gains = torch.stack((early, later), -1).repeat_interleave(RATE, -1)
        return x * gains[..., None, : x.shape[-1]].to(x)

    params = tuple(Param(name, 0.0, 1.0, default=0.5) for name in ("early", "later"))
    x = torch.cat((dry, 0.1 * dry), -1)
    processed = fade(x, RATE, early=torch.tensor(0.9), later=torch.tensor(0.2))
    found = fit(x, processed, RATE, Processor(fade, *params))
    assert found.error_db["search"] < -41
    assert found.settings["early"] == pytest.approx(0.9, abs=1e-3)
    assert found.settings["later"] == pytest.approx(0.2, abs=1e-2)


@pytest.mark.parametrize("gradient, first", [("autodiff", "approach"), ("spsa", "search")])
def test_levels_come_first_where_their_derivatives_are_at_hand(dry, gradient, first):
    settings = {"peak_gain_db": torch.tensor([6.0, -6.0, 3.0, 0.0])}
    processed = PARAMETRIC_EQ(dry, RATE, **settings)
    hold = ["*shelf*", "*freq_hz", "*_q"]
    found = fit(dry, processed, RATE, PARAMETRIC_EQ, gradient=gradient, hold=hold, rounds=1)
    assert found.history[0][0] == first
    assert found.error_db["polish"] < -22
