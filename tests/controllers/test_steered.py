"""What a person wishes wins over what every system finds."""

import math
import warnings
from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.steered import panned
from dasp.controllers.systems import automatic_mix
from dasp.controllers.table import SYSTEMS
from dasp.mixing.genres import GENRES
from dasp.mixing.groups import GROUPS
from dasp.mixing.mixdown import mix_down, mix_stems
from dasp.mixing.roles import KNOWN_ROLES
from dasp.mixing.settings import Channel, Mix, Track
from dasp.mixing.song import Song
from dasp.mixing.wet import _on_a_bus, wet_buses, with_reverb
from dasp.mixing.wishes import Wishes
from dasp.processors.catalogue import FEEDBACK_DELAY_NETWORK, GAIN, STEREO_PANNER
from dasp.processors.stage import Stage, setting
from dasp.processors.strip import run_strip

RATE = 16_000
NAMES = ("BD", "SD", "Basse", "Voix", "Choeurs", "Guitare")
ROLES = ("kick", "snare", "bass", "vocal", "backing vocal", "guitar")


@pytest.fixture(scope="module")
def song():
    draw = torch.Generator().manual_seed(0)
    pulse = (torch.arange(2 * RATE) % (RATE // 4) < RATE // 16).float()
    tracks = tuple(
        (i + 1) / 50 * pulse.roll(500 * i) * torch.randn(1 + (i == 5), 2 * RATE, generator=draw)
        for i in range(6)
    )
    return Song(NAMES, ROLES, tracks, RATE)


@pytest.fixture(scope="module")
def found(song):
    return {system: automatic_mix(song, system=system) for system in SYSTEMS}


def levels(mix, song):
    """Of every track behind its strip, in dB."""
    stems = [stem for stem in mix_stems(song.tracks, mix) if stem.kind == "track"]
    return torch.stack([stem.audio.square().mean() for stem in stems]).log10() * 10


def test_a_role_that_is_said_is_the_one_that_is_mixed(song):
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=Wishes(role={"Guitare": "backing vocal"}))
        assert mix.tracks[5].role == "backing vocal" and mix.tracks[5].group == "voices", system


def test_a_priority_is_a_step_beside_the_balance_found(song, found):
    wishes = Wishes(priority={"voices": "high", "Choeurs": "low", "kick": "low", "SD": "normal"})
    steps = torch.tensor([-3.0, 0.0, 0.0, 3.0, -3.0, 0.0])
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=wishes)
        moved = levels(mix, song) - levels(found[system], song)
        assert torch.allclose(moved - moved[1], steps, atol=0.05), system


def test_a_place_is_where_a_track_stands(song, found):
    """Though a lead to one side, and a stereo track, is what no system of its own would do."""
    wishes = Wishes(pan={"Voix": "left", "Choeurs": 0.3, "guitars": "right", "bass": "centre"})
    right = {3: 0.0, 4: math.sin(1.3 * math.pi / 4) ** 2, 5: 1.0, 2: 0.5}
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=wishes)
        stems = mix_stems(song.tracks, mix)
        for i, share in right.items():
            power = stems[i].audio.square().mean(-1)
            assert power[1] / power.sum() == pytest.approx(share, abs=2e-3), (system, NAMES[i])
        moved = levels(mix, song) - levels(found[system], song)
        assert torch.allclose(moved, moved[:1], atol=0.1), system  # nowhere louder or softer


def _heard_after(song, mix, i):
    """The level in dB of what follows 0.1 s of a track alone, beside it; without compressors."""
    beep = torch.zeros_like(song.tracks[i])
    beep[:, : RATE // 10] = song.tracks[i][:, : RATE // 10] + 1e-3
    alone = [beep if j == i else torch.zeros_like(x) for j, x in enumerate(song.tracks)]
    y = sum(stem.audio for stem in mix_stems(alone, mix) if stem.to_master)
    tail, sound = y[:, RATE // 5 :].square().sum(), y[:, : RATE // 10].square().sum()
    return 10 * math.log10(tail / sound + 1e-12)


def test_a_reverb_that_is_not_wanted_is_not_heard(song):
    wishes = Wishes(reverb={"drums": "none", "Voix": "none", "Choeurs": "more"})
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=wishes)
        for i in (0, 1, 3):
            assert _heard_after(song, mix, i) < -60, (system, NAMES[i])
        assert _heard_after(song, mix, 4) > -35, system


def test_a_reverb_too_faint_to_be_heard_is_not_what_more_is_more_of():
    faint = Channel("g", (Stage(FEEDBACK_DELAY_NETWORK, {"mix": 0.001}),))
    mix = Mix(RATE, (Track("a", group="g"), Track("b", group="g")), groups=(faint,))
    wet = with_reverb(mix, {"a": "more"})
    assert dict(wet.tracks[0].sends_db) == {"reverb": -18.0} and wet.groups == mix.groups
    strong = replace(mix, groups=(Channel("g", (Stage(FEEDBACK_DELAY_NETWORK, {"mix": 0.2}),)),))
    wet = with_reverb(strong, {"a": "more"})
    assert [dict(track.sends_db) for track in wet.tracks] == [{"g reverb": 6.0}, {"g reverb": 0.0}]


def test_more_and_less_reverb_are_steps_of_what_was_found(song, found):
    wishes = Wishes(reverb={"SD": "more", "Voix": "less"})
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=wishes)
        before = [_heard_after(song, found[system], i) for i in (1, 3)]
        after = [_heard_after(song, mix, i) for i in (1, 3)]
        assert after[0] > before[0] + 3 and after[1] <= before[1], system
        if before[1] > -60:
            assert after[1] == pytest.approx(before[1] - 6, abs=1.5), system


def test_a_genre_changes_balance_brightness_and_loudness(song, found):
    for system in SYSTEMS:
        mix = automatic_mix(song, system=system, wishes=Wishes(genre="metal"))
        moved = levels(mix, song) - levels(found[system], song)
        wanted = torch.tensor([1.0, 0.0, 0.0, -1.5, 0.0, 1.5])
        assert torch.allclose(moved - moved[1], wanted, atol=0.05), system
        assert mix.master[0].settings["high_shelf_gain_db"] == 1.5
        y = mix_down(song.tracks, mix)
        assert measure_loudness(y, RATE).item() == pytest.approx(-15.0, abs=0.2), system


def test_a_loudness_that_is_asked_for_wins_over_that_of_the_genre(song):
    mix = automatic_mix(song, system="rules", target_lufs=-20.0, wishes=Wishes(genre="metal"))
    assert measure_loudness(mix_down(song.tracks, mix), RATE).item() == pytest.approx(-20, abs=0.1)


def test_every_system_makes_groups_and_does_without(song, found):
    for system in SYSTEMS:
        groups = [track.group for track in found[system].tracks]
        assert groups == ["drums", "drums", "", "voices", "voices", ""], system
        assert {group.name for group in found[system].groups} == {"drums", "voices"}
        plain = automatic_mix(song, system=system, wishes=Wishes(groups=False))
        assert "voices" not in [group.name for group in plain.groups]
        x, y = (mix_down(song.tracks, mix) for mix in (plain, found[system]))
        assert torch.allclose(x, y, atol=1e-4), system


@pytest.mark.parametrize("wishes", [
    Wishes(priority={"Voix": "high"}), Wishes(pan={"Voix": "left"}),
    Wishes(reverb={"Voix": "more"}), Wishes(genre="jazz"),
])  # fmt: skip
def test_what_is_locked_stays_whatever_is_wished(song, wishes):
    voice = Track("Voix", role="vocal", locked=True, strip=(
        Stage(GAIN, {"gain_db": -3.0}), Stage(STEREO_PANNER, {"pan": 0.25})
    ))  # fmt: skip
    start = song.plain_mix()
    start = replace(start, tracks=(*start.tracks[:3], voice, *start.tracks[4:]))
    for system in ("rules", "console", "equal-loudness"):
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            assert automatic_mix(song, start, system=system, wishes=wishes).tracks[3] == voice
        assert bool(wishes.genre) != any("'Voix': locked" in str(one.message) for one in said)


def test_part_of_the_way_ends_where_it_was_wished(song):
    wishes = Wishes(pan={"Voix": "left"}, reverb={"SD": "none"})
    mix = automatic_mix(song, system="console", amount=0.5, wishes=wishes)
    assert setting(mix.tracks[3].strip, "pan") == -1.0
    assert not mix.tracks[1].sends_db.keys() & set(wet_buses(mix))


def test_the_reverb_of_a_group_is_the_same_on_a_bus(song):
    reverb = Stage(FEEDBACK_DELAY_NETWORK, {"mix": 0.2})
    strip = (Stage(GAIN, {"gain_db": -2.0}), reverb, Stage(GAIN, {"gain_db": 1.0}))
    mix = Mix(RATE, tuple(Track(name, group="g") for name in NAMES), groups=(Channel("g", strip),))
    apart = _on_a_bus(mix, "g")
    assert [bus.name for bus in apart.buses] == ["g reverb"]
    x, y = (mix_down(song.tracks, one) for one in (mix, apart))
    assert torch.allclose(x, y, atol=1e-5)


def test_a_panner_that_comes_new_leaves_a_track_in_the_centre_as_it_was():
    x = torch.randn(1, 64, generator=torch.Generator().manual_seed(1))
    y = run_strip(x, RATE, panned((), 0.0, mono=True))
    assert torch.allclose(y, x.expand(2, -1), atol=1e-3)


def test_a_wish_of_a_track_that_is_not_there_is_answered_with_the_nearest(song):
    with pytest.raises(ValueError, match=r"priority: no track, role or group 'Vox'.*'Voix'"):
        automatic_mix(song, system="rules", wishes=Wishes(priority={"Vox": "high"}))


def test_every_role_is_in_one_group_and_every_genre_names_roles_and_groups():
    assert sorted(role for roles in GROUPS.values() for role in roles) == sorted(KNOWN_ROLES)
    assert len(GROUPS) <= 8
    for genre in GENRES.values():
        assert genre.level_db.keys() <= {*KNOWN_ROLES, *GROUPS}
