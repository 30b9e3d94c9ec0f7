"""What a person asks of a mix: what comes first, where a track stands, how wet it is."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from dasp._checks import check_choice
from dasp._suggestion import did_you_mean
from dasp._texts import listed
from dasp.mixing.genres import check_genre
from dasp.mixing.groups import GROUPS, group_of
from dasp.mixing.roles import KNOWN_ROLES, role_and_word
from dasp.mixing.settings import Mix, Track

Value = TypeVar("Value")

PRIORITY_DB = {"high": 3.0, "normal": 0.0, "low": -3.0}
"""Change of a track beside the balance that was found."""

PLACES = {"left": -1.0, "centre": 0.0, "center": 0.0, "right": 1.0}

WETNESS = ("none", "less", "normal", "more")

SEEN_FROM = ("drummer", "audience")


@dataclass(frozen=True)
class Wishes:
    """Wishes, which win over what any system finds.

    A track is named by itself, by its role or by its group (`dasp.mixing.groups.GROUPS`); the
    nearer name wins.

    Args:
        role: What tracks play, one of `dasp.mixing.roles.KNOWN_ROLES` by the name of a track.
        priority: "high", "normal" or "low" by track: 3 dB up or down beside the balance found.
        pan: "left", "centre", "right" or a number from -1 to 1 by track.
        reverb: "none", "less", "normal" or "more" by track.
        genre: One of `dasp.mixing.genres.GENRES`; empty for none.
        kit: From where a drum kit is seen, "drummer" or "audience"; empty as it is found.
        groups: Whether tracks of a kind go to a group; None for the usual, which is to.

    Raises:
        ValueError: If a value is none of these; the message names the wish.

    >>> Wishes(priority={"voices": "high"}, pan={"Gitarre": -0.3}).over(Wishes(genre="rock")).genre
    'rock'
    """

    role: Mapping[str, str] = field(default_factory=dict)
    priority: Mapping[str, str] = field(default_factory=dict)
    pan: Mapping[str, str | float] = field(default_factory=dict)
    reverb: Mapping[str, str] = field(default_factory=dict)
    genre: str = ""
    kit: str = ""
    groups: bool | None = None

    def __post_init__(self):
        for name, known in (
            ("role", KNOWN_ROLES), ("priority", PRIORITY_DB), ("reverb", WETNESS)
        ):  # fmt: skip
            for track, value in _by_track(self, name).items():
                check_choice(f"{name} of {track}", value, known)
        for track, value in _by_track(self, "pan").items():
            pan_value(value, f"pan of {track}")
        check_genre(self.genre)
        if self.kit:
            check_choice("kit", self.kit, SEEN_FROM)
        if self.groups not in (None, True, False):
            raise ValueError(f"groups: expected true or false, got {self.groups!r}")

    def __bool__(self) -> bool:
        return any(getattr(self, one.name) not in ({}, "", None) for one in fields(self))

    def over(self, other: "Wishes") -> "Wishes":
        """Take these wishes first, and others where these say nothing.

        Args:
            other: The others.

        Returns:
            Both.
        """
        values: dict[str, Any] = {}
        for one in fields(self):
            own, others = getattr(self, one.name), getattr(other, one.name)
            if isinstance(own, Mapping):
                values[one.name] = {**others, **own}
            else:
                values[one.name] = others if own in ("", None) else own
        return Wishes(**values)

    def of(self, mix: Mix) -> "Wishes":
        """Name every track by itself, where a role or a group stands for several.

        Args:
            mix: The tracks.

        Returns:
            The wishes of these tracks.

        Raises:
            ValueError: If there is no such track, role or group in the mix.
        """
        return replace(
            self,
            role=_spread(self.role, mix.tracks, "role", only_names=True),
            priority=_spread(self.priority, mix.tracks, "priority"),
            pan=_spread(self.pan, mix.tracks, "pan"),
            reverb=_spread(self.reverb, mix.tracks, "reverb"),
        )


def with_roles(mix: Mix, roles: Mapping[str, str]) -> Mix:
    """Set the roles of tracks.

    Args:
        mix: The mix.
        roles: Roles by the names of tracks.

    Returns:
        The mix.

    Raises:
        ValueError: If there is no such track; the message has the name that was meant.

    >>> with_roles(Mix(44_100, (Track("Voix"),)), {"voix": "vocal"}).tracks[0].role
    'vocal'
    """
    named = _spread(roles, mix.tracks, "role", only_names=True)
    tracks = (replace(track, role=named.get(track.name, track.role)) for track in mix.tracks)
    return replace(mix, tracks=tuple(tracks))


def pan_value(value: str | float, name: str = "pan") -> float:
    """Read a place.

    Args:
        value: "left", "centre", "right", a number from -1 (left) to 1, or what consoles print, as
            "L30".
        name: What the message of the error calls it.

    Returns:
        The pan.

    Raises:
        ValueError: If it is none of these.

    >>> pan_value("right"), pan_value("L30"), pan_value("0.25")
    (1.0, -0.3, 0.25)
    """
    pan = PLACES.get(value.lower()) if isinstance(value, str) else value
    if isinstance(value, str) and pan is None:
        side = {"l": -0.01, "r": 0.01}.get(value[:1].lower())
        number = value[1:] if side else value
        try:
            pan = float(number) * (side or 1.0)
        except ValueError:
            pan = None
    if isinstance(pan, bool) or not isinstance(pan, int | float) or not -1 <= pan <= 1:
        raise ValueError(
            f"{name}: expected left, centre, right or a number from -1 to 1, got {value!r}"
        )
    return float(pan)


def _by_track(wishes: Wishes, name: str) -> Mapping[str, Any]:
    values = getattr(wishes, name)
    if not isinstance(values, Mapping):
        raise ValueError(f"{name}: expected values by the names of tracks, got {values!r}")
    return values


def _spread(
    wishes: Mapping[str, Value], tracks: Sequence[Track], what: str, *, only_names: bool = False
) -> dict[str, Value]:
    """Wishes by the names of tracks: those of groups first, then of roles, then of tracks."""
    kinds: list[Callable[[Track], tuple[str, ...]]] = [lambda track: (track.name,)]
    if not only_names:
        kinds += [lambda track: (track.role,), lambda track: (track.group, group_of(track.role))]
    found: dict[str, Value] = {}
    by_kind: list[dict[str, Value]] = [{} for _ in kinds]
    for wished, value in wishes.items():
        for kind, values in zip(kinds, by_kind, strict=True):
            names = [t.name for t in tracks if _plain(wished) in map(_plain, kind(t))]
            if names:
                values.update(dict.fromkeys(names, value))
                break
        else:
            raise ValueError(f"{what}: {_none_such(wished, tracks, only_names)}")
    for values in reversed(by_kind):
        found.update(values)
    return found


def _none_such(wished: str, tracks: Sequence[Track], only_names: bool) -> str:
    names = [track.name for track in tracks]
    others = [] if only_names else [*{track.role for track in tracks}, *GROUPS]
    kinds = "track" if only_names else "track, role or group"
    role = role_and_word(wished)[0]
    alike = [track.name for track in tracks if track.role == role != "other"]
    hint = did_you_mean(wished, [*names, *others])
    if alike and not hint:
        hint = f"; did you mean {alike[0]!r}, which is a {role}?"
    return f"no {kinds} {wished!r} in this song{hint} (its tracks are {listed(names, 24)})"


def _plain(name: str) -> str:
    """A name however it is written: composed or not, in capitals or not."""
    return unicodedata.normalize("NFC", name).casefold()
