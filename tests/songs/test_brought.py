"""Songs as people bring them: the same from a seed, stereo where worked on, mixed with care."""

import torch

from dasp.controllers.console.features import STEREO, side_share
from dasp.mixing.routing import SEND_OFF_DB
from dasp.processors.stage import find_stage, setting
from dasp.songs.brought import BroughtSongs, as_brought
from dasp.songs.engineer import with_engineers_mix
from dasp.songs.multitrack import Multitrack, Recording
from dasp.songs.synthetic import synthetic_song

RATE = 22_050


def brought(seed):
    return as_brought(synthetic_song(seed, seconds=2.0, sample_rate=RATE), seed)


def test_a_seed_gives_the_same_song():
    one, other = brought(3), brought(3)
    assert one.names == other.names
    assert all(map(torch.equal, one.tracks, other.tracks))
    assert torch.equal(BroughtSongs(1, 3, 2.0, RATE)[0].tracks[0], one.tracks[0])


def test_stems_that_were_worked_on_are_stereo_and_dry_ones_are_not():
    songs = [brought(seed) for seed in range(4)]
    kinds = [kind for song in songs for kind in song.details["brought"]]
    assert {"dry", "produced"} <= set(kinds)
    for song in songs:
        for kind, x, role in zip(song.details["brought"], song.tracks, song.roles, strict=True):
            assert x.isfinite().all()
            if kind == "produced" and role in ("pad", "guitar", "keys"):
                assert side_share(x, RATE) > STEREO / 10
            if kind == "dry" and role not in ("pad",):
                assert side_share(x, RATE) < 1e-9


def test_the_engineer_leaves_what_was_worked_on_its_place_its_room_and_its_dynamics():
    song = next(song for song in map(brought, range(8)) if "produced" in song.details["brought"])
    mix = with_engineers_mix(song, 0).details["mix"]
    for kind, track in zip(song.details["brought"], mix.tracks, strict=True):
        if kind == "produced":
            assert setting(track.strip, "pan", 0.0) == 0.0
            assert find_stage(track.strip, "compressor") is None
            assert all(send_db <= SEND_OFF_DB for send_db in track.sends_db.values())


def test_what_is_none_of_the_song_is_not_heard_in_the_mix():
    dry = synthetic_song(0, seconds=1.0, sample_rate=RATE, ensemble=("kick", "vocal"))
    click = Recording("click", "other", torch.rand(1, dry.frames))
    details = {**dry.details, "brought": ("dry", "dry", "left out")}

    def engineered(loud):
        extra = click._replace(source=loud * click.source)
        song = Multitrack("", RATE, (*dry.recordings, extra), details=details)
        return with_engineers_mix(song, 0).mix("engineer")

    assert torch.equal(engineered(0.0), engineered(1.0))
