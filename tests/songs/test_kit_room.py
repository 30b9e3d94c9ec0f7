"""A kit in a room keeps to physics: times of arrival, bleed, and the size of the room."""

import math

import pytest
import torch

from dasp.songs.kit_room import MICROPHONES, kit_room, play_kit

RATE = 44_100
SEEDS = range(3)


@pytest.fixture(scope="module")
def rooms():
    return [kit_room(seed, RATE) for seed in SEEDS]


def first_sound(response: torch.Tensor) -> int:
    """When what is heard first is there."""
    return int((response.abs() > 0.3 * response.abs().max()).nonzero()[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_sound_takes_its_time(rooms, seed):
    """A close microphone is within 15 cm of its drum, an overhead 0.6 to 2.3 m from the snare."""
    for name in ("snare", "tom_1", "hihat"):
        response = rooms[seed].responses[name][MICROPHONES.index(name)]
        assert first_sound(response) <= 0.15 / 343 * RATE
    for side in "LR":
        response = rooms[seed].responses["snare"][MICROPHONES.index(f"overhead_{side}")]
        assert 0.6 <= first_sound(response) / RATE * 343 <= 2.3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_close_microphone_hears_its_own_drum_most(rooms, seed):
    for name in ("hihat", "snare", "tom_1", "tom_2", "tom_3"):
        i = MICROPHONES.index(name)
        own = rooms[seed].responses[name][i].square().sum()
        for other, response in rooms[seed].responses.items():
            if other != name:
                assert own > 4 * response[i].square().sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_the_hi_hat_is_on_the_right_and_the_floor_tom_on_the_left(rooms, seed):
    left, right = (MICROPHONES.index(f"overhead_{side}") for side in "LR")
    hat, tom = (rooms[seed].responses[name] for name in ("hihat", "tom_3"))
    assert first_sound(hat[right]) < first_sound(hat[left])
    assert first_sound(tom[left]) < first_sound(tom[right])


def test_a_room_hears_drums_as_convolutions_do(rooms):
    x = torch.randn(2, 3000, dtype=torch.float64)
    heard = rooms[0].hear({"kick": x[0], "crash": x[1]})
    kick, crash = (rooms[0].responses[name][2].double() for name in ("kick", "crash"))
    at = 2500
    expected = sum(
        (response[: at + 1].flip(0) * own[at + 1 - len(response[: at + 1]) : at + 1]).sum()
        for own, response in zip(x, (kick, crash), strict=True)
    )
    assert heard.shape == (8, 3000)
    assert math.isclose(heard[2, at], expected, rel_tol=1e-6)


def test_the_same_seed_plays_the_same_and_another_another():
    one, again, other = (play_kit(seed, 1.0, 16_000) for seed in (0, 0, 1))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["kick"], other["kick"])
