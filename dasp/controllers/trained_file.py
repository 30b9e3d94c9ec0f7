"""Weights that a training has left, with the configuration of its recipe beside them."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor


def read_trained(path: str | Path, recipe: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a file that `dasp train` wrote.

    Args:
        path: The file.
        recipe: The recipe that it must be of.

    Returns:
        The configuration, whose lists are tuples again, and the tensors by name, whose numbers are
        float32 where they are not whole.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {}).get("dasp", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path}: not a safetensors file: {error}") from error
    if facts.get("recipe") != recipe:
        raise ValueError(f"{path}: expected weights of the recipe {recipe}")
    floats = {name: x.float() if x.is_floating_point() else x for name, x in tensors.items()}
    return _with_tuples(facts["config"]), floats


def _with_tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_with_tuples, value))
    if isinstance(value, dict):
        return {name: _with_tuples(own) for name, own in value.items()}
    return value
