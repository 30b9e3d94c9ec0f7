"""Groups of a mix: tracks that are turned together, by what they play."""

from collections import Counter
from dataclasses import replace

from dasp.mixing.settings import Channel, Mix
from dasp.processors.catalogue import GAIN
from dasp.processors.stage import Stage

GROUPS = {
    "drums": (
        "kick", "snare", "hihat", "tom", "overhead", "room", "cymbal", "percussion", "drums"
    ),
    "bass": ("bass",),
    "guitars": ("guitar",),
    "keys": ("keys",),
    "synths": ("synth", "pad"),
    "strings and brass": ("strings", "brass"),
    "voices": ("vocal", "backing vocal"),
    "others": ("effect", "other"),
}  # fmt: skip
"""The roles in each group. There are eight, as many as a person keeps an eye on."""


def group_of(role: str) -> str:
    """Look up the group of a role.

    Args:
        role: One of `dasp.mixing.roles.KNOWN_ROLES`.

    Returns:
        A name of `GROUPS`.

    >>> group_of("snare"), group_of("pad")
    ('drums', 'synths')
    """
    return next(name for name, roles in GROUPS.items() if role in roles)


def with_groups(mix: Mix) -> Mix:
    """Send tracks of a kind to a group of their own, whose fader stands at 0 dB.

    There is no group of one track, whose own fader does the same. Tracks that have a group, or are
    locked, keep what they have, and a group that is there already takes no more tracks.

    Args:
        mix: The mix.

    Returns:
        The mix, which sounds as before.

    >>> from dasp.mixing.settings import Track
    >>> tracks = (Track("BD", role="kick"), Track("SD", role="snare"), Track("Voix", role="vocal"))
    >>> mix = with_groups(Mix(44_100, tracks))
    >>> [track.group for track in mix.tracks], [group.name for group in mix.groups]
    (['drums', 'drums', ''], ['drums'])
    """
    there = {channel.name for channel in (*mix.groups, *mix.buses)}
    free = [not track.group and not track.locked for track in mix.tracks]
    kinds = [group_of(track.role) for track in mix.tracks]
    count = Counter(kind for kind, is_free in zip(kinds, free, strict=True) if is_free)
    taken = there | {track.name for track in mix.tracks}
    names = {
        kind: f"{kind} group" if kind in taken else kind
        for kind in GROUPS
        if count[kind] > 1 and kind not in there and f"{kind} group" not in taken
    }
    tracks = tuple(
        replace(track, group=names.get(kind, "")) if is_free else track
        for track, kind, is_free in zip(mix.tracks, kinds, free, strict=True)
    )
    new = tuple(Channel(name, (Stage(GAIN, {"gain_db": 0.0}),)) for name in names.values())
    return replace(mix, tracks=tracks, groups=(*mix.groups, *new))
