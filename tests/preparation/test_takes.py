"""Takes of one part: told by name and envelope, and what is done with each."""

import pytest
import torch

from dasp.mixing.song import Song
from dasp.preparation import prepare_song, undo
from dasp.preparation.takes import takes

RATE = 8000


def sung(melody: int, voice: int) -> torch.Tensor:
    """Noise whose notes are those of a melody, `(1, time)`; another voice is other noise."""
    notes = torch.rand(40, generator=torch.Generator().manual_seed(melody)).square()
    noise = torch.randn(1, 8 * RATE, generator=torch.Generator().manual_seed(voice))
    return 0.1 * noise * notes.repeat_interleave(8 * RATE // 40)


def prepared(tracks):
    song = Song.of([*tracks], [*tracks.values()], RATE)
    found = prepare_song(song)
    return found.mix, {finding.track: finding for finding in found.findings}


def test_takes_that_play_together_are_doubles_and_all_are_heard():
    mix, findings = prepared({
        "Vox take 1": sung(0, 1), "Vox take 2": sung(0, 2), "keys": sung(5, 3),
    })  # fmt: skip
    assert [track.prepare.double_of for track in mix.tracks] == ["", "Vox take 1", ""]
    assert not any(track.mute for track in mix.tracks)
    assert findings["Vox take 2"].done and "shares its level" in findings["Vox take 2"].text
    assert undo(mix, ["Vox take 2:double"]).tracks[1].prepare == mix.tracks[0].prepare


def test_takes_that_play_something_else_are_told_and_left():
    mix, findings = prepared({"gtr_tk1": sung(0, 1), "gtr_tk2": sung(1, 2)})
    assert [*findings] == ["gtr_tk2"] and not findings["gtr_tk2"].done
    assert "mute it if it is not meant" in findings["gtr_tk2"].text
    assert not any(track.mute or track.prepare for track in mix.tracks)


@pytest.mark.parametrize("word", ["old", "alt", "unused"])
def test_a_take_that_is_not_meant_is_muted_where_it_plays_what_the_part_does(word):
    names = (f"Lead {word}", "Lead", "keys")
    mix, findings = prepared(dict(zip(names, (sung(0, 1), sung(0, 2), sung(5, 3)), strict=True)))
    assert [track.mute for track in mix.tracks] == [True, False, False]
    assert "not meant" in findings[names[0]].text
    other, findings = prepared(dict(zip(names, (sung(7, 1), sung(0, 2), sung(5, 3)), strict=True)))
    assert not any(track.mute for track in other.tracks) and not findings[names[0]].done


def test_names_that_are_alike_without_a_word_for_takes_are_parts():
    x = sung(0, 1), sung(0, 2), sung(0, 3)
    for names in (("Vox 1", "Vox 2", "Vox"), ("gold", "old", "altar"), ("gtr L", "gtr R", "gtr")):
        assert takes(names, x, RATE) == {}


def test_the_part_stands_for_itself_before_its_takes():
    found = takes(["vox take 2", "vox", "vox old"], [sung(0, 1), sung(0, 2), sung(0, 3)], RATE)
    assert {i: (take.of, take.meant) for i, take in found.items()} == {0: (1, True), 2: (1, False)}
    silent = takes(["vox", "vox take 2"], [sung(0, 1), 0 * sung(0, 1)], RATE)
    assert silent[1].correlation == 0
