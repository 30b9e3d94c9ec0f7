"""Players with a switch: `before-after` takes two sounds of the gallery, dry and processed.

    ```{before-after} drums compressor
    :before: dry
    :after: processed
    ```

Without its script both players are there, one beside the other.
"""

from html import escape
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

FORMAT = ".flac"


class BeforeAfter(SphinxDirective):
    required_arguments = 2
    option_spec: ClassVar = {"before": directives.unchanged, "after": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        up = "../" * self.env.docname.count("/")
        words = (self.options.get("before", "dry"), self.options.get("after", "processed"))
        players = "".join(
            f'<figure><figcaption>{escape(word)}</figcaption><audio controls preload="none" '
            f'aria-label="{escape(word)}" src="{up}_static/sounds/{name}{FORMAT}"></audio></figure>'
            for name, word in zip(self.arguments, words, strict=True)
        )
        return [nodes.raw("", f'<div class="before-after">{players}</div>', format="html")]


def setup(app) -> dict:
    app.add_directive("before-after", BeforeAfter)
    app.add_js_file("players.js", loading_method="defer")
    app.add_css_file("site.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
