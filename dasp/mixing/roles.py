"""What a track is, as its name tells it."""

import re
import unicodedata
from collections.abc import Iterable

from dasp._suggestion import did_you_mean

ROLES = {
    "kick": r"kick|kik|bd|bass ?drum|kd",
    "snare": r"snare|sn|sd|sidestick|clap",
    "hihat": r"hi ?hats?|hats?|hh|h",
    "tom": r"toms?|floor",
    "overhead": r"over ?heads?|oh",
    "room": r"rooms?|amb|ambience",
    "cymbal": r"cymbals?|crash|ride|splash",
    "percussion": r"perc|percussion|shaker|tamb|tambourine|conga|bongo|cowbell",
    "drums": r"drums?|beat|loop",
    "bass": r"bass|sub|di bass",
    "backing vocal": r"bg ?vox|bgv|backing|bvs?|choir|harmony|harmonies|adlibs?",
    "vocal": r"vox|vocals?|voc|voice|lead ?vox|sing|singer|rap",
    "guitar": r"guitars?|gtr|ac|egtr|agtr|banjo|ukulele|mandolin",
    "keys": r"keys?|piano|organ|rhodes|wurli|clav",
    "strings": r"strings?|violins?|viola|cello",
    "brass": r"brass|horns?|trumpet|sax|trombone|flute|clarinet",
    "synth": r"synths?|arp|lead",
    "pad": r"pads?|drone|texture",
    "effect": r"fx|effects?|sfx|noise|riser|echo",
}

KNOWN_ROLES = (*ROLES, "other")

KIT_MICROPHONES = (
    "kick", "snare", "hihat", "tom 1", "tom 2", "tom 3",
    "overhead left", "overhead right", "room left", "room right",
)  # fmt: skip
"""The microphones of a drum kit, in an order that trained systems know and that never changes."""

_SIDES = {"left": r"l|left", "right": r"r|right"}


def check_roles(roles: Iterable[object], where: str = "roles[{}]") -> None:
    """Refuse a role that is not one of `KNOWN_ROLES`.

    Args:
        roles: Roles, one for each track.
        where: Place of a role in the message of the error, with its number in the braces.

    Raises:
        ValueError: If a role is not known; the message names its place.
    """
    for i, role in enumerate(roles):
        if role not in KNOWN_ROLES:
            raise ValueError(
                f"{where.format(i)}: no role {role!r}{did_you_mean(role, KNOWN_ROLES)} (there are "
                f"{', '.join(KNOWN_ROLES)})"
            )


def guess_role(name: str) -> str:
    """Guess the role of a track from the words of its name.

    Args:
        name: Name of the track or of its file.

    Returns:
        One of `ROLES`, or "other".

    >>> [guess_role(name) for name in ("01_KickIn", "overheadL", "bgvox_high", "Thing 7")]
    ['kick', 'overhead', 'backing vocal', 'other']
    """
    text = " ".join(_words(name))
    for role, pattern in ROLES.items():
        if re.search(rf"\b({pattern})\b", text):
            return role
    return "other"


def stereo_pairs(names: list[str]) -> dict[int, str]:
    """Find the mono tracks that are the two sides of one stereo recording.

    Args:
        names: Names of the tracks.

    Returns:
        "left" or "right" by the number of the track.

    >>> stereo_pairs(["kick", "overheadL", "overheadR", "gtr left"])
    {1: 'left', 2: 'right'}
    """
    sides = {}
    for i, name in enumerate(names):
        *stem, last = _words(name) or [""]
        for side, pattern in _SIDES.items():
            if stem and re.fullmatch(pattern, last):
                sides[(tuple(stem), side)] = i
    opposite = {"left": "right", "right": "left"}
    return {
        i: side for (stem, side), i in sorted(sides.items(), key=lambda item: item[1])
        if (stem, opposite[side]) in sides
    }  # fmt: skip


def _words(name: str) -> list[str]:
    """Lower-case words: split at capitals, digits and punctuation; digits and accents left out.

    >>> _words("02_HiHat-topL")
    ['hi', 'hat', 'top', 'l']
    """
    letters = (c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", "".join(letters))
    return [word for word in re.split(r"[^a-zA-Z]+", apart.lower()) if word]
