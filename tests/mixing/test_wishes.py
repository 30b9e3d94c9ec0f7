"""Wishes as values: what they may say, which wins, and whom they name."""

import unicodedata

import pytest

from dasp.mixing.settings import Mix, Track
from dasp.mixing.wishes import Wishes, pan_value, with_roles

MIX = Mix(
    44_100,
    (
        Track("BD", role="kick"), Track("SD", role="snare"), Track("bass", role="bass"),
        Track("Fl\u00fbte", role="brass"), Track("Voix", role="vocal"),
        Track("Ch\u0153urs", role="backing vocal", group="voices"),
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "pan"),
    [
        ("left", -1.0), ("Centre", 0.0), ("center", 0.0), ("right", 1.0), (0.3, 0.3), (-1, -1.0),
        ("-0.25", -0.25), ("L30", -0.3), ("r100", 1.0), ("0", 0.0),
    ],
)  # fmt: skip
def test_places(value, pan):
    assert pan_value(value) == pytest.approx(pan)


@pytest.mark.parametrize("value", ["leftish", 1.5, "-2", "L200", "", True, None, "nan", [0.1]])
def test_what_is_no_place(value):
    with pytest.raises(ValueError, match="pan of a: expected left, centre, right or a number"):
        Wishes(pan={"a": value})


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"priority": {"a": "hihg"}}, "priority of a: expected one of .*did you mean 'high'"),
        ({"reverb": {"a": "wet"}}, "reverb of a: expected one of"),
        ({"role": {"a": "vocals"}}, "role of a: .*did you mean 'vocal'"),
        ({"genre": "roc"}, "genre: .*did you mean 'rock'"),
        ({"kit": "singer"}, "kit: expected one of"),
        ({"groups": "yes"}, "groups: expected true or false"),
        ({"priority": "high"}, "priority: expected values by the names of tracks"),
        ({"pan": ["left"]}, "pan: expected values by the names of tracks"),
    ],
)
def test_wishes_that_are_none(wishes, message):
    with pytest.raises(ValueError, match=message):
        Wishes(**wishes)


def test_the_nearer_name_wins():
    wishes = {"voices": "low", "vocal": "normal", "Voix": "high", "drums": "high", "kick": "low"}
    assert Wishes(priority=wishes).of(MIX).priority == {
        "BD": "low", "SD": "high", "Voix": "high", "Ch\u0153urs": "low"
    }  # fmt: skip


def test_a_track_is_found_however_its_name_is_written():
    for name in ("Fl\u00fbte", unicodedata.normalize("NFD", "Fl\u00fbte"), "FL\u00dbTE"):
        assert Wishes(pan={name: "left"}).of(MIX).pan == {"Fl\u00fbte": "left"}
        assert with_roles(MIX, {name: "synth"}).tracks[3].role == "synth"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("Viox", "'Voix'"), ("voice", "'voices'"), ("singer", "'Voix', which is a vocal")],
)
def test_a_misspelt_name_is_answered_with_what_was_meant(name, hint):
    with pytest.raises(
        ValueError, match=f"priority: no track, role or group '{name}'.*mean {hint}"
    ):
        Wishes(priority={name: "high"}).of(MIX)


def test_a_role_is_given_to_a_track_alone():
    with pytest.raises(ValueError, match="role: no track 'voices' in this song"):
        with_roles(MIX, {"voices": "vocal"})


def test_wishes_over_others():
    first = Wishes(priority={"a": "high"}, genre="jazz", groups=False)
    second = Wishes(priority={"a": "low", "b": "low"}, genre="rock", kit="drummer")
    both = first.over(second)
    assert both.priority == {"a": "high", "b": "low"}
    assert (both.genre, both.kit, both.groups) == ("jazz", "drummer", False)
    assert not Wishes() and first
