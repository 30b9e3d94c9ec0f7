"""What a system hears of a mix to start from: tracks that are put right, without those left out."""

from dataclasses import replace

from dasp.mixing.audible import is_muted
from dasp.mixing.mixdown import prepared_tracks
from dasp.mixing.preparation import Preparation
from dasp.mixing.settings import Mix, Track
from dasp.mixing.song import Song


def heard_of(song: Song, start: Mix) -> tuple[Song, Mix]:
    """Prepare the tracks of a song, and leave out those that are muted.

    A track that a side chain listens to stays. What is soloed has no say: a solo is for listening.

    Args:
        song: The tracks, in the order of `start`.
        start: The mix to start from.

    Returns:
        The song, and the mix to start from, of the tracks that are left; they need no preparation.
    """
    strips = [part.strip for part in start.channels]
    keys = {stage.sidechain for strip in (*strips, start.master) for stage in strip}
    places = [i for i, t in enumerate(start.tracks) if not is_muted(start, t) or t.name in keys]
    tracks = prepared_tracks(song.tracks, start)
    heard = tuple(_plain(start.tracks[i]) for i in places)
    groups, buses = (
        tuple(replace(part, solo=False) for part in parts) for parts in (start.groups, start.buses)
    )
    song = replace(song, tracks=tuple(tracks))
    part = song.only(places) if places else replace(song, names=(), roles=(), tracks=())
    return part, replace(start, tracks=heard, groups=groups, buses=buses)


def with_all(found: Mix, start: Mix) -> Mix:
    """Put what `heard_of` has left out back into a mix.

    Args:
        found: A mix of what was heard.
        start: The mix to start from.

    Returns:
        The mix with all tracks of `start`, its preparation, mutes and solos.
    """
    by_name = {track.name: track for track in found.tracks}
    tracks = tuple(
        replace(by_name[old.name], mute=old.mute, solo=old.solo, prepare=old.prepare)
        if old.name in by_name
        else old
        for old in start.tracks
    )
    solo = {part.name for part in (*start.groups, *start.buses) if part.solo}
    groups, buses = (
        tuple(replace(part, solo=part.name in solo) for part in parts)
        for parts in (found.groups, found.buses)
    )
    return replace(found, tracks=tracks, groups=groups, buses=buses)


def _plain(track: Track) -> Track:
    return replace(track, solo=False, prepare=Preparation())
