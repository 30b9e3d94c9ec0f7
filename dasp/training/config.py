"""Configurations: frozen dataclasses, changed by TOML files and by `key=value`.

The defaults of a recipe are values like any other, so a file holds only what differs from them:

    songs = 200

    [training]
    steps = 5000

    [training.schedule]
    kind = "cosine"
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from dasp._checks import check_choice
from dasp._suggestion import did_you_mean
from dasp._toml import tomllib

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def assignment(text: str) -> dict[str, Any]:
    """Read `key=value`. The value is TOML; what is not is a text.

    Args:
        text: The assignment.

    Returns:
        The table that it stands for.

    Raises:
        ValueError: If there is no key, or no equals sign.

    >>> assignment("training.schedule.kind=cosine")
    {'training': {'schedule': {'kind': 'cosine'}}}
    >>> assignment("training.schedule.milestones=[10, 20]")
    {'training': {'schedule': {'milestones': [10, 20]}}}
    """
    key, equals, written = text.partition("=")
    if not equals or not all(names := [name.strip() for name in key.split(".")]):
        raise ValueError(f"expected key=value, got {text!r}")
    table: Any = toml_value(written.strip())
    for name in reversed(names):
        table = {name: table}
    return table


def merged(tables: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Merge tables, of which the later ones have the last word.

    Args:
        tables: The tables.

    Returns:
        All of them as one.

    >>> merged([{"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}}])
    {'a': 1, 'b': {'c': 4, 'd': 3}}
    """
    whole: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            if isinstance(value, Mapping) and isinstance(whole.get(key), Mapping):
                value = merged([whole[key], value])
            whole[key] = value
    return whole


def changed(config: Config, table: Mapping[str, Any], place: str = "") -> Config:
    """Change a configuration by a table.

    Args:
        config: A frozen dataclass.
        table: Values by the names of its fields, with a table for a configuration in it.
        place: Where the table stands in another, with a dot behind, for errors.

    Returns:
        The configuration with those values.

    Raises:
        ValueError: If there is no such field, or a value has another type or is out of range.

    >>> from dasp.training import Schedule
    >>> changed(Schedule(), {"kind": "cosine", "warm_up_steps": 10}).warm_up_steps
    10
    >>> changed(Schedule(), {"warm_up": 10})
    Traceback (most recent call last):
        ...
    ValueError: unknown key 'warm_up'; did you mean 'warm_up_steps'?
    """
    names = [field.name for field in fields(config)]
    kinds = get_type_hints(type(config))
    changes = {}
    for name, value in table.items():
        full = f"{place}{name}"
        if name not in names:
            known = [f"{place}{name}" for name in names]
            raise ValueError(f"unknown key {full!r}{did_you_mean(full, known)}")
        now = getattr(config, name)
        if is_dataclass(now) and not isinstance(now, type):
            if not isinstance(value, Mapping):
                raise ValueError(f"{full}: expected a table, got {value!r}")
            changes[name] = changed(now, value, f"{full}.")
        else:
            changes[name] = _checked(kinds[name], value, full)
    try:
        return replace(config, **changes)
    except ValueError as error:
        raise ValueError(f"{place}{error}") from error


def as_table(config: Any) -> dict[str, Any]:
    """Convert a configuration to a table, of which `changed` makes the same one.

    Args:
        config: The configuration.

    Returns:
        All of its values, for JSON.
    """
    return asdict(config)


def toml_value(text: str) -> Any:
    """Read a value of TOML; what is not TOML is a text.

    Args:
        text: The text.

    Returns:
        The value.
    """
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return table["value"] if len(table) == 1 else text


def _checked(kind: Any, value: Any, place: str) -> Any:
    """A value of the kind that a field is declared as."""
    if get_origin(kind) is Literal:
        check_choice(place, value, get_args(kind))
        return value
    if get_origin(kind) is tuple:
        return _checked_list(get_args(kind), value, place)
    if kind not in _NAMES:
        raise TypeError(f"{place}: a configuration cannot have a field of the type {kind}")
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{place}: expected {_NAMES[kind]}, got {value!r}")
    return value


def _checked_list(kinds: tuple, value: Any, place: str) -> tuple:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{place}: expected a list, got {value!r}")
    if kinds[1:] == (...,):
        kinds = kinds[:1] * len(value)
    if len(value) != len(kinds):
        raise ValueError(f"{place}: expected {len(kinds)} values, got {value!r}")
    return tuple(
        _checked(kind, item, f"{place}[{i}]")
        for i, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )
