import pytest
import torch

from dasp.mixing.console import Console
from dasp.mixing.roles import ROLES
from dasp.songs.taste import TASTES, draw_treatment


def test_there_is_a_taste_for_every_role():
    assert set(TASTES) == {*ROLES, "other"}


def test_what_is_drawn_lies_in_its_range_and_fills_it():
    draw = torch.Generator().manual_seed(0)
    for role, taste in TASTES.items():
        drawn = [draw_treatment(role, draw) for _ in range(300)]
        for name, (low, high) in taste._asdict().items():
            values = [abs(d.pan) if name == "from_centre" else getattr(d, name) for d in drawn]
            assert low - 1e-9 <= min(values) <= low + 0.1 * (high - low) + 1e-9
            assert high + 1e-9 >= max(values) >= high - 0.1 * (high - low) - 1e-9
        sides = {torch.tensor(d.pan).sign().item() for d in drawn}
        assert len(sides - {0.0}) == (1 if taste.from_centre[1] else 0)


def test_further_tracks_of_a_role_change_sides():
    first, second, third = (
        draw_treatment("guitar", torch.Generator().manual_seed(4), nth=nth) for nth in range(3)
    )
    assert first.pan == third.pan == -second.pan < 0


def test_the_same_generator_draws_the_same():
    once, again = (draw_treatment("tom", torch.Generator().manual_seed(4)) for _ in range(2))
    assert once == again
    with pytest.raises(ValueError, match="role"):
        draw_treatment("kazoo", torch.Generator())


def test_the_console_can_be_set_so():
    params = {param.name: param for param in Console().params.tracks}
    names = {
        "low_shelf_gain_db": "parametric_eq.low_shelf_gain_db",
        "peak_gain_db": "parametric_eq.peak_gain_db",
        "peak_freq_hz": "parametric_eq.peak_freq_hz",
        "high_shelf_gain_db": "parametric_eq.high_shelf_gain_db",
        "ratio": "compressor.ratio",
        "attack_ms": "compressor.attack_ms",
        "release_ms": "compressor.release_ms",
        "send_reverb_db": "send.reverb_db",
    }
    for taste in TASTES.values():
        for own, name in names.items():
            low, high = getattr(taste, own)
            lowest = torch.as_tensor(params[name].low).min()  # Of all peaks, where it is of some.
            highest = torch.as_tensor(params[name].high).max()
            assert lowest <= low <= high <= highest, name
        assert 0 <= taste.from_centre[0] <= taste.from_centre[1] <= 1
