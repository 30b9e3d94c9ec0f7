"""Options of a training on a command line: those of every recipe, and one for each of its fields.

`--songs 4` is a field of the configuration, `--training.steps 500` one of a configuration in it,
and `--steps 500` the same where no other field has that name.
"""

import argparse
import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

COMMON = (
    "config", "set", "output", "resume", "weights", "trust-pickle", "device", "tensorboard", "help",
)  # fmt: skip
"""The names of the options that every recipe has, which none of its fields can have alone."""


def add_common_options(parser: argparse.ArgumentParser, **default: Any) -> None:
    """Declare the options that every recipe has.

    Args:
        parser: Gets the options.
        default: `default=argparse.SUPPRESS`, where another parser has set the defaults.
    """
    add = parser.add_argument
    add("--config", type=Path, metavar="TOML", help="what differs from the recipe", **default)
    add(
        "--set", dest="assignments", action="append", metavar="KEY=VALUE", **default,
        help="one value of the configuration, such as training.steps=500; may be repeated",
    )  # fmt: skip
    add(
        "-o", "--output", type=Path, metavar="DIR", **default,
        help="default: runs/RECIPE; FILE.safetensors is the weights, and FILE the folder of the "
        "rest",
    )  # fmt: skip
    add(
        "--resume", action="store_true", **default,
        help="go on from the newest whole checkpoint of DIR, with its configuration",
    )  # fmt: skip
    add(
        "--weights", type=Path, metavar="FILE", **default,
        help="weights to begin from, as safetensors",
    )  # fmt: skip
    add(
        "--trust-pickle", action="store_true", **default,
        help="let --weights read a .pt, which can run a program of its maker",
    )  # fmt: skip
    add("--device", **{"default": "auto", **default}, help="such as cpu or cuda:0 (default: auto)")
    add(
        "--tensorboard", action="store_true", **default,
        help="logs for TensorBoard, in DIR/tensorboard",
    )  # fmt: skip


def add_fields(parser: argparse.ArgumentParser, config: Any) -> None:
    """Declare an option for each field of a configuration.

    What is given is appended to `assignments`, as tables or as the texts of `--set`.

    Args:
        parser: Gets the options.
        config: A dataclass with the defaults.
    """
    found = list(_fields(config))
    last = [field.path[-1] for field in found]
    groups: dict[tuple[str, ...], Any] = {}
    for field in found:
        names = [field.path]
        if field.path[1:] and last.count(field.path[-1]) == 1:
            names.append(field.path[-1:])
        options = [".".join(name).replace("_", "-") for name in names]
        place = field.path[:-1]
        if place not in groups:
            groups[place] = parser.add_argument_group(".".join(place) or "configuration")
        groups[place].add_argument(
            *(f"--{option}" for option in options if option not in COMMON),
            dest="assignments", action=_Assign, path=field.path, kind=field.kind,
            nargs="*" if get_origin(field.kind) is tuple else None,
            default=argparse.SUPPRESS, metavar="X", help=_help(field),
        )  # fmt: skip


class _Field(NamedTuple):
    path: tuple[str, ...]
    kind: Any
    default: Any
    text: str


def _fields(config: Any, path: tuple[str, ...] = ()) -> Iterator[_Field]:
    kinds, texts = get_type_hints(type(config)), _texts(type(config))
    for field in fields(config):
        value, name = getattr(config, field.name), field.name
        if is_dataclass(value):
            yield from _fields(value, (*path, name))
        else:
            yield _Field((*path, name), kinds[name], value, texts.get(name, ""))


def _texts(config: type) -> dict[str, str]:
    """What a class says of its fields: under `Args` of its docstring, or behind them."""
    said = re.findall(
        r"^    (\w+): ((?:.*\n?)(?:^        .*\n?)*)", inspect.getdoc(config) or "", re.M
    )
    body = ast.parse(textwrap.dedent(inspect.getsource(config))).body[0].body  # type: ignore[attr-defined]
    return {name: " ".join(text.split()) for name, text in said} | {
        above.target.id: " ".join(inspect.cleandoc(str(below.value.value)).split())
        for above, below in pairwise(body)
        if isinstance(above, ast.AnnAssign) and isinstance(above.target, ast.Name)
        and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
    }  # fmt: skip


def _help(field: _Field) -> str:
    value = field.default
    shown = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    default = f"(default: {shown})" if shown else ""
    return f"{field.text} {default}".strip().replace("%", "%%")


class _Assign(argparse.Action):
    """Appends the table that an option stands for."""

    def __init__(self, *args: Any, path: tuple[str, ...], kind: Any, **options: Any):
        super().__init__(*args, **options)
        self.path, self.kind = path, kind

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        table: Any = _value(self.kind, values)
        for name in reversed(self.path):
            table = {name: table}
        given = getattr(namespace, self.dest, None) or []
        setattr(namespace, self.dest, [*given, table])


def _value(kind: Any, given: Any) -> Any:
    """What words stand for where a field is of a kind: a text is a text, also if it is `5`."""
    from dasp.training.config import toml_value

    if isinstance(given, list):
        each = [_value(get_args(kind)[0], word) for word in given]
        return each[0] if len(each) == 1 and isinstance(each[0], list) else each
    return given if kind is str else toml_value(given)
