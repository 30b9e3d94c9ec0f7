"""No page asks another host for anything: what it loads comes with it."""

import re
from pathlib import Path

from sphinx.errors import ExtensionError

LOADED = re.compile(
    r"""<(?:script|img|audio|video|source|iframe)\b[^>]*\bsrc="((?:https?:)?//[^"]+)"""
    r"""|<link\b(?![^>]*rel="(?:canonical|next|prev)")[^>]*\bhref="((?:https?:)?//[^"]+)"""
)


def loads_from_elsewhere(html: str) -> list[str]:
    """The addresses on other hosts from which a page loads something."""
    return [first or second for first, second in LOADED.findall(html)]


def setup(app) -> dict:
    def look(app, error) -> None:
        found = [
            f"{path.name} loads {address}"
            for path in sorted(Path(app.outdir).rglob("*.html"))
            for address in loads_from_elsewhere(path.read_text(encoding="utf-8"))
        ]
        if error is None and found:
            raise ExtensionError("; ".join(found))

    app.connect("build-finished", look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
