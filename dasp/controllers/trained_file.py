"""Weights that a training has left, with the configuration of its recipe beside them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def load_network(
    path: str | Path, recipe: str, build: Callable[[dict[str, Any]], Network]
) -> tuple[Network, dict[str, Any]]:
    """Read a network from a file that `dasp train` wrote.

    Args:
        path: The file.
        recipe: The recipe that it must be of.
        build: Makes a network with new weights of the configuration of the recipe.

    Returns:
        The network, ready for use, whose weights ask for no gradient; and the configuration of its
        recipe, whose lists are tuples again.

    Raises:
        ValueError: If the file is no safetensors, or has weights of another recipe.
    """
    config, tensors = _read(path, recipe)
    network = build(config)
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(False), config


def _read(path: str | Path, recipe: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration, and tensors by name: float32 where they are no whole numbers."""
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
