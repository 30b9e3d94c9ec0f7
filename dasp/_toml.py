"""Files of TOML, which Python reads itself from 3.11 on."""

import sys
from pathlib import Path
from typing import Any

from dasp._texts import decoded

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["read_toml", "tomllib"]

MOST_BYTES = 2**20


def read_toml(path: Path) -> dict[str, Any]:
    """Read the table in a TOML file.

    Args:
        path: The file.

    Returns:
        The table.

    Raises:
        ValueError: If it is no TOML text, or a very long one.
    """
    with path.open("rb") as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"{path}: a configuration has at most {MOST_BYTES} bytes, this has more")
    try:
        return tomllib.loads(decoded(text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a TOML text: {error}") from error
