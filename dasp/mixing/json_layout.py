"""JSON that people read: what fits on a line stands on one, the rest is indented."""

import json
import re
from textwrap import TextWrapper
from typing import Any

WIDTH = 100


def readable_json(value: Any, indent: int = 0, taken: int = 0) -> str:
    """Format a value as JSON that people read: what fits on a line stands on one.

    Args:
        value: What JSON can hold.
        indent: Depth at which the value stands, in characters.
        taken: Characters before the value on its line.

    Returns:
        The text, without a line break at the end.

    >>> print(readable_json({"name": "kick", "strip": [{"gain_db": -3.0}]}))
    {"name": "kick", "strip": [{"gain_db": -3.0}]}
    """
    line = _text(value)
    if indent + taken + len(line) < WIDTH or not isinstance(value, (dict, list)) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        names = {_text(str(key)): item for key, item in value.items()}
        items = [
            f"{name}: {readable_json(item, indent + 2, len(name) + 3)}"
            for name, item in names.items()
        ]
    elif any(isinstance(item, (dict, list)) for item in value):
        items = [readable_json(item, indent + 2, 1) for item in value]
    else:
        wrapper = TextWrapper(WIDTH - len(inner), break_long_words=False, break_on_hyphens=False)
        return f"[\n{inner}" + f"\n{inner}".join(wrapper.wrap(line[1:-1])) + f"\n{' ' * indent}]"
    brackets = "{}" if isinstance(value, dict) else "[]"
    return f"{brackets[0]}\n{inner}" + f",\n{inner}".join(items) + f"\n{' ' * indent}{brackets[1]}"


def _text(value: Any) -> str:
    """JSON on one line. Names that are not UTF-8 hold lone surrogates, which are escaped."""
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", line)
