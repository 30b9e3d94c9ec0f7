"""Checks of what a JSON document holds; every error begins with the place in the document."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from dasp._suggestion import did_you_mean


def at(where: str, check: Callable, *arguments: Any) -> None:
    """Run a check, and put `where` before what it says."""
    try:
        check(*arguments)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from error


def check_object(value: Any, where: str) -> None:
    """Refuse what is no object."""
    if not isinstance(value, dict):
        raise ValueError(f"{where}: expected an object, got {value!r}")


def check_name(name: Any, known: Collection, where: str, kind: str) -> None:
    """Refuse a name that is not there."""
    if name not in known:
        raise ValueError(f"{where}: no {kind} {name!r}{did_you_mean(name, known)}")


def check_keys(node: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Refuse the keys of an object that it does not have."""
    for key in node.keys() - set(known):
        raise ValueError(f"{where}: unknown key {key!r}{did_you_mean(key, known)}")


def as_text(value: Any, where: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: expected a text, got {value!r}")
    return value


def as_list(value: Any, where: str, of: str = "") -> list:
    """A list, `of` what."""
    if not isinstance(value, list):
        raise ValueError(f"{where}: expected a list{of and f' of {of}'}, got {value!r}")
    return value


def flag(node: Mapping[str, Any], key: str, where: str) -> bool:
    """A part of an object that is true or false; false where it is left out."""
    value = node.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{where}.{key}: expected true or false, got {value!r}")
    return value
