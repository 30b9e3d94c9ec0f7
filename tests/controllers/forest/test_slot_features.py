"""Slots by role and side, and features beside known answers."""

import math

import pytest
import torch

from dasp.controllers.forest.slot_features import (
    FEATURES,
    SLOTS,
    find_slots,
    power_of,
    relative_levels,
    slot_features,
    track_features,
)
from dasp.mixing.roles import guess_role

RATE = 44_100


def _slots(*names: str, stereo: tuple[str, ...] = ()) -> dict[str, tuple[int, int]]:
    channels = [2 if name in stereo else 1 for name in names]
    return find_slots(names, [guess_role(name) for name in names], channels)


def _sine(freq_hz: float, amplitude: float = 1.0) -> torch.Tensor:
    t = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    return amplitude * torch.sin(2 * math.pi * freq_hz * t)[None]


def _named(features: torch.Tensor) -> dict[str, float]:
    return dict(zip(FEATURES, features.tolist(), strict=True))


def test_a_kit_of_seven_microphones_finds_its_slots_in_any_order():
    slots = _slots("tom1", "overheadR", "hihat", "kick", "overheadL", "snare", "tom2")
    assert slots == {
        "tom 1": (0, 0), "overhead right": (1, 0), "hihat": (2, 0), "kick": (3, 0),
        "overhead left": (4, 0), "snare": (5, 0), "tom 2": (6, 0),
    }  # fmt: skip


def test_who_comes_too_late_or_has_no_slot_gets_none():
    assert _slots("kick in", "kick out", "vocal", "bass") == {"kick": (0, 0)}
    assert list(_slots("tom a", "tom b", "tom c", "tom d")) == ["tom 1", "tom 2", "tom 3"]


def test_a_stereo_overhead_takes_both_slots_and_a_stereo_kick_one():
    slots = _slots("oh", "kick", "oh 2", stereo=("oh", "kick", "oh 2"))
    assert slots == {"overhead left": (0, 0), "overhead right": (0, 1), "kick": (1, -1)}


def test_a_single_overhead_is_in_the_left_slot():
    assert _slots("overhead") == {"overhead left": (0, 0)}


def test_features_of_a_sine():
    sine = _named(track_features(_sine(1000.0, 0.1), RATE))
    assert sine["rms_db"] == pytest.approx(-23.01, abs=0.01)
    assert sine["peak_db"] == pytest.approx(-20.0, abs=0.02)
    assert sine["crest_db"] == pytest.approx(3.01, abs=0.02)
    assert sine["loudness_lufs"] == pytest.approx(-23.05, abs=0.1)  # mono: 3 LU under stereo
    assert sine["centroid_hz"] == pytest.approx(1000.0, rel=0.01)
    assert sine["rolloff_hz"] == pytest.approx(1000.0, abs=25.0)
    assert sine["spread_hz"] < 40.0
    assert sine["crossings_hz"] == pytest.approx(1000.0, rel=1e-3)
    assert sine["flatness"] < 1e-5
    assert sine["to_3200_hz"] == pytest.approx(1.0, abs=1e-3)


def test_features_of_white_noise():
    """Flat from 0 to half the rate: its centroid and spread are those of an even distribution."""
    noise = _named(track_features(0.1 * torch.randn(1, 4 * RATE, dtype=torch.float64), RATE))
    half = RATE / 2
    assert noise["centroid_hz"] == pytest.approx(half / 2, rel=0.01)
    assert noise["spread_hz"] == pytest.approx(half / math.sqrt(12), rel=0.01)
    assert noise["rolloff_hz"] == pytest.approx(0.85 * half, rel=0.01)
    assert noise["crossings_hz"] == pytest.approx(RATE / 4, rel=0.02)  # every second pair of signs
    assert noise["flatness"] == pytest.approx(1.0, abs=0.02)
    assert noise["below_200_hz"] == pytest.approx(200 / half, rel=0.2)
    assert noise["to_800_hz"] == pytest.approx(600 / half, rel=0.1)
    assert noise["above_3200_hz"] == pytest.approx(1 - 3200 / half, rel=0.01)


def test_rests_do_not_change_the_spectrum():
    noise = torch.randn(1, RATE, dtype=torch.float64)
    whole = _named(track_features(noise, RATE))
    rested = _named(track_features(torch.nn.functional.pad(noise, (0, 3 * RATE)), RATE))
    for name in ("centroid_hz", "spread_hz", "rolloff_hz", "below_200_hz", "above_3200_hz"):
        assert rested[name] == pytest.approx(whole[name], rel=0.03)
    assert rested["rms_db"] == pytest.approx(whole["rms_db"] - 10 * math.log10(4), abs=1e-6)


def test_slots_stand_in_their_order_and_empty_ones_hold_zeros():
    kick, overheads = _sine(60.0, 0.5), torch.cat((_sine(5000.0), _sine(3000.0)))
    slots = find_slots(["oh", "kick"], ["overhead", "kick"], [2, 1])
    features = slot_features([overheads, kick], slots, RATE)
    assert features.shape == (len(SLOTS), len(FEATURES))
    centroids = features[:, FEATURES.index("centroid_hz")]
    heard = {SLOTS[i]: round(centroids[i].item(), -2) for i in centroids.nonzero()[:, 0]}
    assert heard == {"kick": 100, "overhead left": 5000, "overhead right": 3000}
    assert not features[[1, 2, 3, 4, 5, 8, 9]].any()


def test_levels_are_beside_all_slots_together_whatever_the_recording_level():
    tracks = [0.1 * torch.randn(1, RATE, dtype=torch.float64), _sine(60.0, 0.5)]
    slots = find_slots(["snare", "kick"], ["snare", "kick"], [1, 1])
    features = slot_features(tracks, slots, RATE)
    quiet = slot_features([0.01 * track for track in tracks], slots, RATE)
    torch.testing.assert_close(relative_levels(quiet), relative_levels(features), rtol=0, atol=1e-5)
    power = torch.tensor([tracks[1].square().mean(), tracks[0].square().mean()]).double()
    torch.testing.assert_close(power_of(features)[:2], power)
    share_db = 10 * torch.log10(power / power.sum())
    torch.testing.assert_close(relative_levels(features)[:2, 0], share_db)
    assert not relative_levels(features)[2:].any()


def test_a_silent_track_is_an_empty_slot():
    slots = find_slots(["kick", "snare"], ["kick", "snare"], [1, 1])
    features = slot_features([torch.zeros(1, RATE), _sine(200.0)], slots, RATE)
    assert not features[0].any()
    assert power_of(features)[0] == 0.0
