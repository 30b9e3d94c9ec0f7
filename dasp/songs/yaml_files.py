"""YAML, as some data sets describe themselves in it. It needs an optional package."""

from pathlib import Path
from typing import Any

from dasp._texts import decoded


def read_yaml(path: str | Path) -> Any:
    """Read a YAML file.

    Args:
        path: The file.

    Returns:
        What it holds.

    Raises:
        ValueError: If it is no YAML text, or what reads YAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        raise ImportError(
            f'{path}: reading YAML needs PyYAML: pip install "dasp-audio[data]"'
        ) from error
    try:
        return yaml.safe_load(decoded(Path(path).read_bytes()))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a YAML text ({error})") from error
