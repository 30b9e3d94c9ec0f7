"""The default: what it hears, what it chooses, and what it says of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dasp.analysis import measure_loudness
from dasp.controllers.auto.evidence import correlation, hear_evidence
from dasp.controllers.auto.finished import FINISHED, ROLE_SHARE, combined, low_share
from dasp.controllers.systems import automatic_mix
from dasp.mixing.mixdown import mix_down
from dasp.mixing.song import Song
from dasp.processors.stage import setting
from dasp.songs.multitrack import load_folder
from dasp.songs.synthetic import synthetic_song

RATE = 22_050
NAMES = ("drums", "bass", "guitar", "keys", "vocal")


@pytest.fixture(scope="module")
def dry():
    return synthetic_song(
        2, seconds=4.0, sample_rate=RATE, ensemble=("kick", "snare", "bass", "guitar", "vocal")
    ).song


def as_stems(song):
    """The same tracks as stereo files, each with a side of its own that has nothing of the mid."""
    draw = torch.Generator().manual_seed(0)
    rooms = [0.3 * x[:1] * torch.randn(x[:1].shape, generator=draw) for x in song.tracks]
    stems = [torch.cat((x[:1] + y, x[:1] - y)) for x, y in zip(song.tracks, rooms, strict=True)]
    return replace(song, tracks=tuple(stems))


def _louder(tracks, gains):
    return tuple((x * g).float() for x, g in zip(tracks, gains, strict=True))


def test_mono_tracks_are_dry_and_stereo_stems_are_worked_on(dry):
    assert hear_evidence(dry).worked_on < 0.05
    assert hear_evidence(as_stems(dry)).worked_on > 0.95
    twice = replace(dry, tracks=tuple(x.expand(2, -1) for x in dry.tracks))
    assert hear_evidence(twice).worked_on < 0.05


def test_stems_that_were_worked_on_get_levels_and_nothing_else(dry):
    mix = automatic_mix(as_stems(dry))
    for track in mix.tracks:
        assert {stage.processor.name for stage in track.strip} <= {"gain", "stereo_panner"}
        assert setting(track.strip, "pan", 0.0) == 0.0 and not track.sends_db
    assert [stage.processor.name for stage in mix.master] == ["gain", "limiter"]
    assert "worked on" in mix.notes[0]


def test_dry_tracks_are_mixed_by_the_console(dry):
    mix = automatic_mix(dry)
    assert any(stage.processor.name == "parametric_eq" for stage in mix.tracks[-1].strip)
    assert mix.notes[0].endswith("dry recordings, mixed by the trained console")


def test_both_reach_the_loudness(dry):
    for song in (dry, as_stems(dry)):
        heard = mix_down(song.tracks, automatic_mix(song, target_lufs=-20.0))
        assert measure_loudness(heard, RATE).item() == pytest.approx(-20.0, abs=0.1)


def test_levels_that_are_a_balance_stay_and_normalised_ones_tell_nothing(dry):
    stems = as_stems(dry)
    wanted = hear_evidence(stems).finished_db
    even = [x / x.square().mean().sqrt() for x in stems.tracks]
    loudness = torch.stack([measure_loudness(x, RATE) for x in even]).double()

    def at(levels_db):
        gains = 10 ** ((levels_db - loudness - 30) / 20)
        return replace(stems, tracks=_louder(even, gains))

    assert hear_evidence(at(2 * wanted)).balanced > 0.8
    assert hear_evidence(at(-2 * wanted)).balanced < 0.1
    assert hear_evidence(at(0 * wanted)).balanced == 0.0


def test_what_is_low_is_louder_and_what_is_wide_softer():
    side, low = torch.tensor([0.0, 0.5, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    levels = combined(side, low, ("synth",) * 3, torch.ones(3, dtype=torch.bool), FINISHED)
    share = 1 - ROLE_SHARE
    assert (levels[1] - levels[0]).item() == pytest.approx(0.5 * share * FINISHED.side_db)
    assert (levels[2] - levels[0]).item() == pytest.approx(share * FINISHED.low_db)


def test_low_share_is_the_share_of_the_energy():
    t = torch.arange(RATE) / RATE
    x = torch.sin(2 * torch.pi * 100 * t) + 2 * torch.sin(2 * torch.pi * 1000 * t)
    assert low_share(x[None], RATE).item() == pytest.approx(1 / 5, abs=1e-3)


def test_correlation_is_that_of_pearson():
    x, y = torch.randn(2, 20, generator=torch.Generator().manual_seed(0)).double()
    assert correlation(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-6)


def test_narrow_dry_tracks_are_given_a_room():
    """Four files, mono, of which nothing is panned: together they would be next to mono."""
    song = synthetic_song(
        0, seconds=4.0, sample_rate=RATE, ensemble=("kick", "snare", "bass", "vocal")
    ).song
    mix = automatic_mix(song)
    assert any("narrow" in note for note in mix.notes)
    heard = mix_down(song.tracks, replace(mix, master=()))
    mid, side = heard.sum(0), heard[0] - heard[1]
    assert side.square().sum() / (mid.square().sum() + side.square().sum()) > 0.03
    assert not any(track.sends_db for track in mix.tracks if track.role in ("kick", "bass"))


@pytest.mark.long
def test_a_released_song_is_as_near_as_what_was_measured(shared_data):
    """Stems at one loudness, from recordings beside the project."""
    song = load_folder(shared_data / "song_lithium" / "stems", 44_100).part(0, 10 * 44_100)
    artist = sum(song.tracks)
    gains = [10 ** ((-23 - measure_loudness(x, 44_100).item()) / 20) for x in song.tracks]
    even = Song(song.names, song.roles, _louder(song.tracks, gains), 44_100)
    mix = mix_down(even.tracks, automatic_mix(even))
    gain = (mix * artist).sum() / mix.square().sum()
    assert 10 * torch.log10(artist.square().sum() / (artist - gain * mix).square().sum()) > 14.9
