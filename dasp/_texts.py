"""Texts in files, as editors of all systems write them, and lists that fit a line."""

import codecs
from collections.abc import Sequence

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def decoded(content: bytes, errors: str = "strict") -> str:
    """The text of a file: UTF-8, with or without a byte-order mark, or what another mark says.

    >>> decoded("é".encode("utf-8-sig")), decoded("é".encode("utf-16"))
    ('é', 'é')
    """
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors)
    return content.decode("utf-8", errors)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names on a line, of which many are told by their number.

    >>> listed(["kick", "snare"]), listed(["a", "b", "c", "d"], most=2)
    ('kick, snare', 'a, b and 2 more')
    """
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
