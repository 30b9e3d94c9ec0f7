"""What a track is, as its name tells it."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from dasp._suggestion import did_you_mean
from dasp.mixing.role_words import ALONE, FURTHER_WORDS, NO_LEAD, ROLE_WORDS, WEAK_WORDS

ROLES = tuple(ROLE_WORDS)
"""The roles that the name of a track can tell."""

KNOWN_ROLES = (*ROLES, "other")
"""The roles that a track may have: "other" is that of what has none of `ROLES`."""

KIT_MICROPHONES = (
    "kick", "snare", "hihat", "tom 1", "tom 2", "tom 3",
    "overhead left", "overhead right", "room left", "room right",
)  # fmt: skip
"""The microphones of a drum kit, in an order that trained systems know and that never changes."""

LEAST_PAIR_PAN = 0.5
"""Either side of a stereo recording is panned as far as this, or farther."""

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
        name: Name of the track or of its file, in any of six languages.

    Returns:
        One of `ROLES`, or "other".

    >>> [guess_role(name) for name in ("01_KickIn", "overheadL", "bgvox_high", "Thing 7")]
    ['kick', 'overhead', 'backing vocal', 'other']
    """
    return role_and_word(name)[0]


def role_and_word(name: str) -> tuple[str, str]:
    """Guess the role of a track, and tell which word of its name says so.

    Args:
        name: Name of the track or of its file.

    Returns:
        One of `ROLES` with the word, or "other" and nothing.

    >>> role_and_word("Background Vocals"), role_and_word("Guitar H"), role_and_word("Thing")
    (('backing vocal', 'background'), ('guitar', 'guitar'), ('other', ''))
    """
    words = name_words(name)
    letters = [word for word in words if word not in ("l", "r", "left", "right")]
    for role, alone in ALONE.items():
        if len(letters) == 1 and letters[0] in alone:
            return role, letters[0]
    singular = [part for word in words for part in _parts(word)]
    role, word = _told(singular, _WORDS)
    if not role:
        role, word = _told(singular, _WEAK)
    elif role == "vocal" and (no_lead := _told(singular, _NO_LEAD)[1]):
        role, word = "backing vocal", no_lead
    return role or "other", word


def _told(words: Sequence[str], table: Mapping[str, Iterable[tuple[str, ...]]]) -> tuple[str, str]:
    """The first role of a table of which a word, or a group of words, is there."""
    for role, known in table.items():
        for group in known:
            for i in range(len(words) - len(group) + 1):
                if tuple(words[i : i + len(group)]) == group:
                    return role, " ".join(group)
    return "", ""


def _parts(word: str) -> tuple[str, ...]:
    """A word in the singular, or the two known ones of which it is made up."""
    if word in _KNOWN:
        return (word,)
    if word.endswith("s") and word[:-1] in _KNOWN:
        return (word[:-1],)
    for i in range(1, len(word)):
        first, second = word[:i], word[i:].removesuffix("s")
        both = {first, second}
        if both <= _KNOWN | _FURTHER and any(len(w) > 2 and w in _KNOWN for w in both):
            return (first, second)
    return (word,)


def _split(text: str) -> list[tuple[str, ...]]:
    return [tuple(group.split()) for group in text.split(",")]


_WORDS = {role: _split(text) for role, text in ROLE_WORDS.items()}
_WEAK = {role: _split(text) for role, text in WEAK_WORDS.items()}
_NO_LEAD = {"backing vocal": _split(NO_LEAD)}
_TABLES = (_WORDS, _WEAK, _NO_LEAD)
_KNOWN = {group[0] for table in _TABLES for groups in table.values() for group in groups
          if len(group) == 1}  # fmt: skip
_FURTHER = {word for (word,) in _split(FURTHER_WORDS)}


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
        *stem, last = name_words(name) or [""]
        for side, pattern in _SIDES.items():
            if stem and re.fullmatch(pattern, last):
                sides[(tuple(stem), side)] = i
    opposite = {"left": "right", "right": "left"}
    return {
        i: side for (stem, side), i in sorted(sides.items(), key=lambda item: item[1])
        if (stem, opposite[side]) in sides
    }  # fmt: skip


def name_words(name: str) -> list[str]:
    """Split a name at capitals, digits and punctuation into words in lower case, without accents.

    Digits are left out, but for the names of drum machines.

    Args:
        name: Name of a track.

    Returns:
        The words.

    >>> name_words("02_HiHat-topL"), name_words("BGVocals"), name_words("OHs 808")
    (['hi', 'hat', 'top', 'l'], ['bg', 'vocals'], ['ohs', '808'])
    """
    for sign, plain in _LIGATURES.items():
        name = name.replace(sign, plain)
    letters = (c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    apart = re.sub(r"([a-z])([A-Z])|([A-Z]{2})(?=[A-Z][a-z]{2})", r"\1\3 \2", "".join(letters))
    return re.findall(r"[a-z]+|(?<!\d)(?:808|909)(?!\d)", apart.lower())


_LIGATURES = {"\u0153": "oe", "\u0152": "OE", "\u00e6": "ae", "\u00c6": "AE", "\u00df": "ss"}
