"""A page that another names by its path in the repository, as in `docs/mixing.md`, is a link."""

import re

from docutils import nodes

PAGE = re.compile(r"docs/([\w/]+)\.md")


def link(app, doctree: nodes.document, docname: str) -> None:
    """Make links of the names of pages."""
    for literal in list(doctree.findall(nodes.literal)):
        found = PAGE.fullmatch(literal.astext())
        is_free = not isinstance(literal.parent, nodes.reference | nodes.title)
        if found and found[1] in app.env.found_docs and is_free:
            uri = app.builder.get_relative_uri(docname, found[1])
            words = app.env.titles[found[1]].astext()
            reference = nodes.reference("", "", nodes.Text(words), refuri=uri, internal=True)
            literal.parent.replace(literal, reference)


def setup(app) -> dict:
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
