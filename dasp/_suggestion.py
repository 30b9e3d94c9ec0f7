"""The word that was meant. Imports nothing heavy: a misspelt command waits for no torch."""

import difflib
import re
from collections.abc import Iterable


def did_you_mean(word: object, known: Iterable) -> str:
    """The end of an error message: the known word nearest to one that is not known."""
    word, known = str(word).lower(), {str(k).lower(): str(k) for k in known}
    nearest = difflib.get_close_matches(word, known, n=1)
    nearest += [k for k in known if len(word) > 1 and word in re.split(r"\W|_", k)]
    return f"; did you mean {known[nearest[0]]!r}?" if nearest else ""
