"""Variants of a mix: distinct, leaning as they are called, and within what is locked."""

from dataclasses import replace

import pytest
import torch

from dasp.analysis import measure_loudness, measure_side_share
from dasp.controllers.systems import automatic_mix
from dasp.controllers.variants import LEANINGS, LEAST_APART, Sound, apart, variants
from dasp.mixing import Song, mix_down, setting
from dasp.mixing.groups import group_of
from dasp.songs.synthetic import BAND, synthetic_song

RATE = 22_050


@pytest.fixture(scope="module")
def song() -> Song:
    return synthetic_song(3, seconds=5.0, sample_rate=RATE, ensemble=BAND).song


@pytest.fixture(scope="module")
def found(song):
    mix = automatic_mix(song, system="rules")
    return mix, variants(mix, song.tracks, -18.0, 3)


def test_variants_are_distinct_and_as_loud(song, found):
    mix, several = found
    assert several[0].name == "as found" and several[0].mix == mix
    assert len({variant.name for variant in several}) == 3
    assert all(variant.apart >= LEAST_APART for variant in several)
    audio = [mix_down(song.tracks, variant.mix) for variant in several]
    for one in audio:
        assert measure_loudness(one, RATE).item() == pytest.approx(-18.0, abs=0.15)
    for i in range(3):
        for j in range(i):
            difference = (audio[i] - audio[j]).square().mean() / audio[i].square().mean()
            assert difference > 0.01, "not 20 dB alike"


def test_each_leans_as_it_is_called(song):
    mix = automatic_mix(song, system="rules")
    several = {v.name: v.mix for v in variants(mix, song.tracks, -18.0, 1 + len(LEANINGS))}
    side = {
        n: measure_side_share(mix_down(song.tracks, m), RATE).item() for n, m in several.items()
    }
    assert "wide" in several and side["wide"] == max(side.values())
    by_role = {track.role: i for i, track in enumerate(mix.tracks)}
    for name, role in (("voice", "vocal"), ("punchy", "kick")):
        if name in several:
            beside = [
                setting(m.tracks[by_role[role]].strip, "gain_db") for m in (several[name], mix)
            ]
            level_db = LEANINGS[name].level_db
            wanted = sum(level_db.get(kind, 0.0) for kind in {role, group_of(role)})
            assert beside[0] - beside[1] == pytest.approx(wanted, abs=0.01)


def test_what_is_locked_stays_in_every_variant(song):
    mix = automatic_mix(song, system="rules")
    mix = replace(mix, tracks=(replace(mix.tracks[0], locked=True), *mix.tracks[1:]))
    for variant in variants(mix, song.tracks, -18.0, 3):
        assert variant.mix.tracks[0] == mix.tracks[0]


def test_steps_are_those_of_what_is_measured():
    plain = Sound(torch.zeros(10), 12.0, 0.1)
    assert apart(plain, plain) == 0
    assert apart(plain, Sound(torch.full((10,), 2.0), 12.0, 0.1)) == pytest.approx(2.0)
    assert apart(plain, Sound(torch.zeros(10), 9.0, 0.1)) == pytest.approx(3.0)
    assert apart(plain, Sound(torch.zeros(10), 12.0, 0.16)) == pytest.approx(2.0)


def test_fewer_come_where_there_is_nothing_to_lean():
    x = [0.1 * torch.randn(1, RATE)]
    mix = Song.of(["thing"], x, RATE).plain_mix()
    assert [v.name for v in variants(mix, x, -18.0, 3)] == ["as found"]
    with pytest.raises(ValueError, match="count: expected"):
        variants(mix, x, -18.0, 1)


def test_what_is_muted_has_no_say_and_neither_has_a_solo(song):
    """The variants are those of the other tracks alone, at the loudness of all of them."""
    mix = automatic_mix(song, system="rules")
    loud = 10 * torch.randn(song.tracks[0].shape, generator=torch.Generator().manual_seed(0))
    first = replace(mix.tracks[1], solo=True)
    tracks = (mix.tracks[0], replace(mix.tracks[0], name="loud", mute=True), first, *mix.tracks[2:])
    own = variants(replace(mix, tracks=tracks), (song.tracks[0], loud, *song.tracks[1:]), -18.0, 2)
    alone = variants(mix, song.tracks, -18.0, 2)
    assert [variant.name for variant in own] == [variant.name for variant in alone]
    assert own[1].mix.master == alone[1].mix.master
    assert own[1].mix.tracks[1] == tracks[1] and own[1].mix.tracks[2].solo
    assert own[1].mix.tracks[0].strip == alone[1].mix.tracks[0].strip
    nothing = replace(mix, tracks=tuple(replace(track, mute=True) for track in mix.tracks))
    assert [v.mix for v in variants(nothing, song.tracks, -18.0)] == [nothing]
