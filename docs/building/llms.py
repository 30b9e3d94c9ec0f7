"""The pages as text for programs that read: `llms.txt` lists them, `llms-full.txt` has them all."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from docs.building import reference

SENTENCE = "Differentiable audio processors in PyTorch, a mixing console on top, automatic mixers."


def in_order(env, root: str) -> Iterator[str]:
    """All pages in the order of the tables of contents."""
    yield root
    for name in env.toctree_includes.get(root, []):
        yield from in_order(env, name)


def listed(env, root: str) -> str:
    """The list of pages, a section for each entry of the first page."""
    lines = ["# dasp", "", f"> {SENTENCE}", ""]
    for section in env.toctree_includes[root]:
        lines += [f"## {env.titles[section].astext()}", ""]
        lines += [
            f"- [{env.titles[name].astext()}]({name}.html)" for name in in_order(env, section)
        ]
        lines.append("")
    lines += ["## Optional", "", "- [Everything in one file](llms-full.txt)", ""]
    return "\n".join(lines)


def in_full(env, root: str) -> str:
    """The text of all pages, and of the reference every docstring."""
    texts = [
        without_directives(Path(env.doc2path(name)).read_text(encoding="utf-8"))
        for name in in_order(env, root)
        if not name.startswith("reference/")
    ]
    return "\n\n".join([*texts, *described()])


def without_directives(text: str) -> str:
    """A page without what only a browser shows: players and tables of contents."""
    return re.sub(r"^```\{(toctree|before-after)\}.*?^```\n", "", text, flags=re.DOTALL | re.M)


def described() -> Iterator[str]:
    """Every public function and class with its docstring."""
    for module, value in reference.public_modules().items():
        for name in reference.public_names(value):
            item = getattr(value, name)
            if not (inspect.isfunction(item) or inspect.isclass(item)):
                continue
            try:
                signature = str(inspect.signature(item))
            except ValueError:  # a class that says nothing of it
                signature = ""
            yield f"### {module}.{name}{signature}\n\n{inspect.getdoc(item) or ''}"


def setup(app) -> dict:
    def write(app, error) -> None:
        if error is None and app.builder.name == "html":
            root = app.config.root_doc
            for name, text in (("llms", listed), ("llms-full", in_full)):
                Path(app.outdir, f"{name}.txt").write_text(text(app.env, root), encoding="utf-8")

    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
