"""What is heard of a mix: mute and solo of tracks, groups and buses.

A mute always wins. Once anything is soloed, tracks are heard that are soloed or whose group is, in
their groups and with the reverb that they send to; a bus that is soloed plays what is sent to it
by all. A side chain goes on listening to a track that is not heard.
"""

from dasp.mixing.settings import Mix, Track


def is_heard(mix: Mix, track: Track) -> bool:
    """Tell whether a track is heard in its group or in the master.

    Args:
        mix: The mix.
        track: One of its tracks.

    Returns:
        Whether it is.

    >>> mix = Mix(44_100, (Track("kick"), Track("voice", solo=True), Track("bass", mute=True)))
    >>> [is_heard(mix, track) for track in mix.tracks]
    [False, True, False]
    """
    if is_muted(mix, track):
        return False
    solo = track.solo or any(g.solo for g in mix.groups if g.name == track.group)
    return solo or not any(part.solo for part in mix.channels)


def heard_sends(mix: Mix, track: Track) -> list[str]:
    """List the buses in which a track is heard.

    Args:
        mix: The mix.
        track: One of its tracks.

    Returns:
        Names of buses that it sends to.
    """
    if is_muted(mix, track):
        return []
    sounds = is_heard(mix, track)
    return [
        bus.name
        for bus in mix.buses
        if bus.name in track.sends_db and not bus.mute and (sounds or bus.solo)
    ]


def is_muted(mix: Mix, track: Track) -> bool:
    """Tell whether a track is left out of a mix, whatever is soloed.

    Args:
        mix: The mix.
        track: One of its tracks.

    Returns:
        Whether it, or its group, is muted.
    """
    return track.mute or any(g.mute for g in mix.groups if g.name == track.group)
