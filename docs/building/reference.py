"""The reference: a page for each part of `dasp`, with every public name from its docstring.

Public is what a module names in `__all__`; of modules without one that are listed here, what they
define without an underscore. `tests/docs/test_reference.py` holds the pages against both.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import dasp
from dasp.processors import Processor

FOLDER = Path(__file__).parents[1] / "reference"
PACKAGE = Path(dasp.__file__).parent

WITHOUT_ALL = (
    "dasp.controllers.dae.system",
    "dasp.controllers.forest.system",
    "dasp.controllers.never",
    "dasp.controllers.style.conversion",
    "dasp.controllers.systems",
    "dasp.desk",
    "dasp.estimation.levenberg_marquardt",
    "dasp.evaluation.baselines",
    "dasp.evaluation.stats",
    "dasp.evaluation.stimuli",
    "dasp.layouts",
    "dasp.processors.automation",
    "dasp.processors.gain_reduction",
    "dasp.processors.response",
    "dasp.reference",
    *(f"dasp.signal.{path.stem}" for path in sorted((PACKAGE / "signal").glob("[a-z]*.py"))),
    "dasp.songs.choice",
    "dasp.songs.drum_sessions",
    "dasp.songs.synthetic",
    "dasp.training.imitation",
    "dasp.units",
)
"""Public modules that have no `__all__`."""

CATALOGUE_MODULE = "dasp.processors.catalogue"
"""What it has are the processors of `dasp.functional` under the same names."""


def public_modules() -> dict[str, ModuleType]:
    """All public modules by their dotted names."""
    with_all = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"^__all__ ", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    names = sorted({*with_all, *WITHOUT_ALL} - {"dasp"})
    names = [name for name in names if not re.search(r"\._|\.cli|\.backends", name)]
    return {name: importlib.import_module(name) for name in names}


def public_names(module: ModuleType) -> list[str]:
    """The public names of a module, without those that are modules themselves."""
    listed = getattr(module, "__all__", None)
    if listed is None:
        listed = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and (inspect.isfunction(value) or inspect.isclass(value))
            and value.__module__ == module.__name__
        ]
    return [name for name in listed if not inspect.ismodule(getattr(module, name))]


def pages() -> dict[str, str]:
    """The text of each page by its name: one a part of `dasp`, and the index."""
    shown: dict[int, str] = {}
    parts: dict[str, list[str]] = {}
    for name, module in public_modules().items():
        part = name.split(".")[1]
        parts.setdefault(part, []).append(_section(name, module, shown))
    texts = {
        part: f"# dasp.{part}\n\n" + "\n".join(sections).replace(f"## dasp.{part}\n\n", "", 1)
        for part, sections in parts.items()
    }
    return {**texts, "index": _index(list(texts))}


def _index(parts: list[str]) -> str:
    front = "\n".join(
        f"- {{py:obj}}`dasp.{name} <dasp.{home}.{name}>`"
        for name, home in sorted(dasp._HOMES.items())
    )
    rows = "\n".join(f"| [dasp.{part}]({part}.md) | {_first_line(part)} |" for part in parts)
    return f"""# Reference

Every public name, from its docstring.

| module | what |
| --- | --- |
{rows}

`import dasp` has at its front door, beside these modules:

{front}

```{{toctree}}
:hidden:

{chr(10).join(parts)}
```
"""


def _first_line(part: str) -> str:
    return (importlib.import_module(f"dasp.{part}").__doc__ or "").strip().splitlines()[0]


def _section(name: str, module: ModuleType, shown: dict[int, str]) -> str:
    """The section of a module: its docstring, and each name that no section before has."""
    lines = [f".. py:currentmodule:: {name}", ""]
    elsewhere = []
    for item in public_names(module):
        value = getattr(module, item)
        known = shown.setdefault(id(value), f"{name}.{item}") if _has_docstring(value) else ""
        if isinstance(value, Processor):
            lines += _processor(name, item, value)
        elif known not in ("", f"{name}.{item}"):
            elsewhere.append(f"{{py:obj}}`{item} <{known}>`")
        elif inspect.isclass(value):
            lines += [
                f".. autoclass:: {name}.{item}",
                "   :members:",
                "   :special-members: __call__",
                "",
            ]
        elif inspect.isfunction(value):
            lines += [f".. autofunction:: {name}.{item}", ""]
        else:
            lines += [f".. py:data:: {name}.{item}", "", f"   {words_of(name, item)}", ""]
    body = "\n".join(lines)
    also = f"\nAlso here: {', '.join(elsewhere)}.\n" if elsewhere else ""
    text = _unnested(inspect.cleandoc(module.__doc__ or ""))
    return f"## {name}\n\n{text}\n{also}\n```{{eval-rst}}\n{body}\n```\n"


def _has_docstring(value: Any) -> bool:
    return inspect.isclass(value) or inspect.isfunction(value)


def _processor(module: str, item: str, value: Processor) -> list[str]:
    words = (
        f"``{value.name}`` as a value; :doc:`its page in the gallery <../gallery/{value.name}>`."
    )
    return [f".. py:data:: {module}.{item}", "", f"   {words}", ""]


def _unnested(text: str) -> str:
    """A docstring of a module, which is Markdown, without its examples' prompts taken as quotes."""
    pieces = re.split(r"((?:^>>> .*\n?(?:^(?!>>> ).+\n?)*)+)", text, flags=re.MULTILINE)
    return "".join(
        f"```pycon\n{piece.strip()}\n```\n" if piece.startswith(">>> ") else piece
        for piece in pieces
    )


@cache
def words_of(module: str, item: str) -> str:
    """What is said of a constant: the text below it, where it is made."""
    for name in dict.fromkeys((module, *_below(module))):
        found = dict(_told(name)).get(item)
        if found:
            return to_rst(found)
    return ""


def _below(module: str) -> Iterator[str]:
    """The modules from which a package may have a name."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dasp"):
            yield node.module or ""
    package = Path(importlib.import_module(module).__file__ or "").parent
    base = ".".join(package.relative_to(PACKAGE.parent).parts)
    yield from (f"{base}.{path.stem}" for path in sorted(package.glob("[a-z]*.py")))


@cache
def _told(module: str) -> tuple[tuple[str, str], ...]:
    """Constants of a module with the text below each."""
    body = ast.parse(inspect.getsource(importlib.import_module(module))).body
    told = []
    for node, after in pairwise(body):
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            told += [
                (n.id, inspect.cleandoc(str(after.value.value)))
                for n in names
                if isinstance(n, ast.Name)
            ]
    return tuple(told)


def to_rst(text: str) -> str:
    """Markdown as docstrings have it, as reStructuredText: code within lines, tables, emphasis."""
    out: list[str] = []
    rows: list[list[str]] = []
    is_example = False
    for line in [*text.splitlines(), ""]:
        is_example = line.lstrip().startswith(">>>") or (is_example and bool(line.strip()))
        if line.lstrip().startswith("| ") and not is_example:
            indent = " " * (len(line) - len(line.lstrip()))
            rows.append([_inline(cell.strip()) for cell in line.strip().strip("|").split(" | ")])
            continue
        if rows:
            out += [f"{indent}{one}" for one in _list_table(rows)]
            rows = []
        out.append(line if is_example else _inline(line))
    return "\n".join(out[:-1])


def _list_table(rows: list[list[str]]) -> list[str]:
    """A table of Markdown, by its rows."""
    head, _, *body = rows
    lines = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *body):
        lines += [f"   {'* -' if place == 0 else '  -'} {cell}" for place, cell in enumerate(row)]
    return [*lines, ""]


def _inline(line: str) -> str:
    pieces = re.split(r"(``.+?``|`[^`]+`)", line)
    return "".join(
        f"`{piece}`" if re.fullmatch(r"`[^`]+`", piece) else _escaped(piece) for piece in pieces
    )


def _escaped(text: str) -> str:
    """What would be markup, and is none: a star of a product, a name with an underscore behind."""
    if text.startswith("``") or re.match(r"\s*\*{1,2}\w+: ", text):
        return text
    return re.sub(r"(\w)_(?=\W|$)", r"\1\\_", re.sub(r"(?<!\\)([*|])", r"\\\1", text))


def write_pages() -> None:
    """Write the pages where they have changed."""
    FOLDER.mkdir(exist_ok=True)
    texts = pages()
    for path in FOLDER.glob("*.md"):
        if path.stem not in texts:
            path.unlink()
    for name, text in texts.items():
        path = FOLDER / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app) -> dict:
    def converted(app, what, name, value, options, lines: list[str]) -> None:
        lines[:] = to_rst("\n".join(lines)).splitlines()

    def not_ours(app, what, name, value, skip, options) -> bool | None:
        """A function of another library that a class has as its own."""
        is_ours = (getattr(value, "__module__", None) or "dasp").startswith("dasp")
        return None if is_ours or not callable(value) else True

    app.connect("config-inited", lambda app, config: write_pages(), priority=100)
    app.connect("autodoc-skip-member", not_ours)
    app.connect("autodoc-process-docstring", converted, priority=100)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
