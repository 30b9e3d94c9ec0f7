"""Groups by what tracks play: which there are, what stays, and that nothing sounds otherwise."""

import torch

from dasp.mixing.groups import GROUPS, group_of, with_groups
from dasp.mixing.knobs import turn
from dasp.mixing.mixdown import mix_down
from dasp.mixing.roles import KNOWN_ROLES
from dasp.mixing.settings import Channel, Mix, Track
from dasp.processors.catalogue import COMPRESSOR
from dasp.processors.stage import Stage

RATE = 8000


def mix_of(*roles, **more):
    return Mix(RATE, tuple(Track(f"{role} {i}", role=role) for i, role in enumerate(roles)), **more)


def test_every_role_is_in_one_of_at_most_eight_groups():
    assert sorted(role for roles in GROUPS.values() for role in roles) == sorted(KNOWN_ROLES)
    assert len(GROUPS) <= 8
    assert all(role in GROUPS[group_of(role)] for role in KNOWN_ROLES)


def test_tracks_of_a_kind_go_together_and_one_alone_to_the_master():
    mix = with_groups(mix_of("kick", "bass", "vocal", "snare", "backing vocal", "other"))
    assert [t.group for t in mix.tracks] == ["drums", "", "voices", "drums", "voices", ""]
    assert [group.name for group in mix.groups] == ["drums", "voices"]


def test_a_group_is_not_called_as_a_track_is():
    tracks = (Track("drums", role="drums"), Track("BD", role="kick"))
    assert [track.group for track in with_groups(Mix(RATE, tracks)).tracks] == ["drums group"] * 2


def test_what_is_there_stays():
    strip = (Stage(COMPRESSOR),)
    tracks = (
        Track("a", role="kick", group="drums"), Track("b", role="snare"), Track("c", role="tom"),
        Track("d", role="vocal", locked=True), Track("e", role="vocal"),
    )  # fmt: skip
    mix = Mix(RATE, tracks, groups=(Channel("drums", strip),))
    assert with_groups(mix) == mix


def test_groups_change_nothing_until_they_are_turned():
    draw = torch.Generator().manual_seed(0)
    tracks = [torch.randn(1, 500, generator=draw) for _ in range(4)]
    plain = mix_of("kick", "snare", "vocal", "bass")
    mix = with_groups(plain)
    before = mix_down(tracks, plain)
    assert torch.allclose(mix_down(tracks, mix), before, atol=1e-5)
    drums = sum(tracks[:2]).expand(2, -1)
    louder = mix_down(tracks, turn(mix, "drums", {"gain.gain_db": 20.0}))
    assert torch.allclose(louder - before, 9 * drums, atol=1e-4)
