"""Docstrings are reference: every argument, what comes back, what is refused, and true ranges."""

import ast
import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dasp import audio_io, controllers, estimation, evaluation, mixing, signal, songs, training
from dasp import functional as F
from dasp.controllers import rules
from dasp.estimation import fitting, unmixing
from dasp.functional._param import UNITS
from dasp.mixing.console import Console
from dasp.processors import CATALOGUE, Option, Param, Processor
from tests.contracts.cases import CASES, SAMPLE_RATE, audio, draw, every_processor


def modules(package: ModuleType) -> list[str]:
    """The modules of a package by their dotted names."""
    paths = sorted(Path(package.__file__).parent.glob("[a-z]*.py"))
    return [f"{package.__name__}.{path.stem}" for path in paths]


WITH_EXAMPLES = (
    "dasp.functional",
    "dasp.processors",
    "dasp.grad",
    "dasp.streaming",
    "dasp.losses",
    "dasp.analysis",
    "dasp.signal",
    "dasp.mixing",
    "dasp.audio_io",
    "dasp.estimation",
    "dasp.pictures",
    "dasp.desk",
)
"""Whose public functions and classes have an example each."""

PACKAGES = (
    *WITH_EXAMPLES,
    *modules(signal),
    *modules(mixing),
    *modules(audio_io),
    *modules(estimation),
    *modules(fitting),
    *modules(unmixing),
    "dasp.evaluation",
    *modules(evaluation),
    "dasp.songs",
    *modules(songs),
    "dasp.controllers",
    *modules(controllers),
    *modules(rules),
    "dasp.training",
    *modules(training),
)
"""Whose public functions, classes and methods have the form that is held here."""

CALLED = "__call__"
"""The one method with underscores that is part of the reference."""

CHECK = re.compile(r"_?(check(?!sum)|refuse)\w*|per_(item|band|sample)|audio_processor")
"""Names of what refuses an argument."""

SECTION = re.compile(r"^(Args|Returns|Yields|Raises):$", re.MULTILINE)
NAMED = re.compile(r"^    (\*{0,2}\w+(?:, \*{0,2}\w+)*): ", re.MULTILINE)
RANGE = re.compile(r"(-?[\d.]+) to (-?[\d.]+)")

LIMITS = {
    re.compile(r"(\d+) (?:\([^)]*\) )?or more"): lambda low: (low - 0.5,),
    re.compile(r"[,;] above (\d+)\b"): lambda low: (low,),
    re.compile(r"below (Nyquist)"): lambda _: (SAMPLE_RATE / 2,),
    re.compile(r"between -(\d+) and \d+"): lambda end: (-end, end),
    re.compile(r"(?<!-)0 \([^)]*\) to (\d+)"): lambda high: (-0.1, high + 0.1),
    re.compile(r"-1 \([^)]*\) to (\d+)"): lambda high: (-1.1, high + 0.1),
    re.compile(r"to less than (\d+)"): lambda high: (-0.1, high),
}
"""How a limit is told, and values that are then refused."""


def own_names(module: ModuleType) -> list[str]:
    """The names that a module without `__all__` defines for others."""
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    ]


def public(package: str) -> Iterator[tuple[str, Any]]:
    """The functions, classes and public methods of a package by their dotted names."""
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", None) or own_names(module):
        value = getattr(module, name)
        if inspect.isclass(value):
            yield f"{package}.{name}", value
            for key, method in vars(value).items():
                own = inspect.isfunction(method) and method.__module__ == value.__module__
                if own and (key == CALLED or not key.startswith("_")):
                    yield f"{package}.{name}.{key}", method
        elif callable(value) and not isinstance(value, Processor | Console):
            yield f"{package}.{name}", value


PUBLIC = {package: dict(public(package)) for package in PACKAGES}

every_package = pytest.mark.parametrize("package", PACKAGES)


def sections(value: Any) -> dict[str, str]:
    """The sections of a docstring by their titles; the text before them has no title."""
    pieces = SECTION.split(inspect.cleandoc(value.__doc__ or ""))
    bodies = [re.split(r"^(?=\S)", body, maxsplit=1, flags=re.M)[0] for body in pieces[2::2]]
    return {"": pieces[0], **dict(zip(pieces[1::2], bodies, strict=True))}


def documented(value: Any) -> dict[str, str]:
    """What a docstring says of each argument, on one line."""
    pieces = NAMED.split(sections(value).get("Args", ""))
    return {
        name.lstrip("*"): " ".join(text.split())
        for names, text in zip(pieces[1::2], pieces[2::2], strict=True)
        for name in names.split(", ")
    }


def parameters(value: Any) -> list[str]:
    if inspect.isclass(value) and issubclass(value, Exception) and "__init__" not in vars(value):
        return []  # a message, as every exception
    return [name for name in inspect.signature(value).parameters if name != "self"]


def refuses(function: Any, seen: set | None = None) -> bool:
    """Whether a function, or a helper in its file, raises or calls a check of its arguments."""
    function = inspect.unwrap(function)
    seen = set() if seen is None else seen
    if function in seen:
        return False
    seen.add(function)
    raises, helpers = read(function)
    return raises or any(refuses(helper, seen) for helper in helpers)


@functools.cache
def read(function: Any) -> tuple[bool, tuple[Callable, ...]]:
    """Whether a function itself raises or calls a check, and the helpers in its file that it names.

    Of many functions the helpers are the same ones.
    """
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):  # made by a dataclass, or written in C
        return False, ()
    helpers = {}
    for node in ast.walk(ast.parse(source)):
        name = getattr(node, "id", getattr(node, "attr", ""))
        if isinstance(node, ast.Raise) or CHECK.fullmatch(name):
            return True, ()
        helper = getattr(function, "__globals__", {}).get(name)
        own = inspect.isfunction(helper) and helper.__module__ == function.__module__
        if isinstance(node, ast.Name) and own:
            helpers[helper] = None
    return False, tuple(helpers)


def makes(value: Any) -> Callable:
    """The function that runs when a function or a class is called."""
    return getattr(value, "__post_init__", value.__init__) if inspect.isclass(value) else value


@every_package
def test_the_first_line_is_a_sentence(package):
    first = {name: sections(value)[""].split("\n")[0] for name, value in PUBLIC[package].items()}
    assert {name: line for name, line in first.items() if not line.endswith(".")} == {}


@every_package
def test_every_argument_is_documented_and_no_other(package):
    told = {name: sorted(documented(value)) for name, value in PUBLIC[package].items()}
    assert told == {name: sorted(parameters(value)) for name, value in PUBLIC[package].items()}


@every_package
def test_what_is_returned_is_documented(package):
    lack = []
    for name, value in PUBLIC[package].items():
        if inspect.isclass(value) or inspect.signature(value).return_annotation is None:
            continue
        titles = sections(value)
        if not titles.get("Returns", titles.get("Yields", "")).strip():
            lack.append(name)
    assert lack == []


@every_package
def test_what_is_refused_is_documented(package):
    lack = []
    for name, value in PUBLIC[package].items():
        told = re.search(r"^    \w+: \S", sections(value).get("Raises", ""), re.MULTILINE)
        if not told and refuses(makes(value)):
            lack.append(name)
    assert lack == []


@pytest.mark.parametrize("package", WITH_EXAMPLES)
def test_functions_and_classes_have_examples(package):
    depth = package.count(".") + 1
    lack = [
        name
        for name, value in PUBLIC[package].items()
        if name.count(".") == depth and ">>> " not in (value.__doc__ or "")
    ]
    assert not lack


def ranges(item: Param | Option) -> list[tuple[float, float]]:
    """The range of a parameter, or those of its bands where the bands differ."""
    lows, highs = (end if isinstance(end, tuple) else (end,) for end in (item.low, item.high))
    return list(dict.fromkeys(zip(lows, highs, strict=True)))


@every_processor
def test_units_and_ranges_are_those_declared(name):
    texts = documented(getattr(F, name))
    options = [o for o in CATALOGUE[name].options if o.choices is None]
    for item in (*CATALOGUE[name].params, *options):
        brackets = [b for b in re.findall(r"\[([^][]*)\]", texts[item.name]) if RANGE.match(b)]
        assert len(brackets) == 1, f"{item.name}: expected one range as in [0 to 24 dB]"
        said = [(float(low), float(high)) for low, high in RANGE.findall(brackets[0])]
        assert said == ranges(item), item.name
        unit = RANGE.split(brackets[0])[-1].strip()
        assert unit == UNITS.get(item.name.rsplit("_", 1)[-1], ""), item.name


@every_processor
def test_choices_that_are_words_are_told(name):
    texts = documented(getattr(F, name))
    for option in CATALOGUE[name].options:
        for choice in option.choices or ():
            assert not isinstance(choice, str) or f'"{choice}"' in texts[option.name], choice


@every_processor
def test_what_is_told_to_have_no_meaning_is_refused(name):
    processor, case, told = CATALOGUE[name], CASES[name], 0
    bands = {param.name: param.bands for param in processor.params}
    heard = {"slow_mix": 0.5, "detector": "rms"} if name == "compressor" else {}
    x, settings = audio(name, time=8), {**draw(name), **dict(case.settings + case.inputs), **heard}
    for key, text in documented(getattr(F, name)).items():
        for phrase, refused in LIMITS.items():
            for limit in phrase.findall(text):
                for value in refused(float(limit) if limit.isdecimal() else limit):
                    value = [value] * bands[key] if bands.get(key) else value
                    with pytest.raises(ValueError, match=key):
                        processor(x, SAMPLE_RATE, **{**settings, key: value})
                    told += 1
    assert told or not re.search(r"below|outside", sections(getattr(F, name))["Raises"])
