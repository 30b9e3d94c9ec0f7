"""A docstring in the form of the project: prose, then Args, Returns, Raises, and examples."""

import inspect
import re
from typing import Any

SECTION = re.compile(r"^(Args|Returns|Yields|Raises):$", re.MULTILINE)
NAMED = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*): ", re.MULTILINE)


def prose(value: Any) -> str:
    """What stands before the sections and the examples."""
    text = SECTION.split(inspect.getdoc(value) or "")[0]
    return text.split(">>> ")[0].strip()


def arguments(value: Any) -> dict[str, str]:
    """What is said of each argument, on one line."""
    pieces = SECTION.split(inspect.getdoc(value) or "")
    if "Args" not in pieces:
        return {}
    body = re.split(r"^(?=\S)", pieces[pieces.index("Args") + 1], maxsplit=1, flags=re.MULTILINE)[0]
    named = NAMED.split(body)
    return {
        name.lstrip("*"): " ".join(text.split())
        for names, text in zip(named[1::2], named[2::2], strict=True)
        for name in names.split(", ")
    }
