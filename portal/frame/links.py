"""Links to elsewhere say so in ``rel``: the page they open gets no hold of this one."""

from docutils import nodes
from sphinx.application import Sphinx


def mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for link in doctree.findall(nodes.reference):
        if link.get("refuri", "").startswith(("http:", "https:")):
            link["rel"] = "noopener"


def setup(app: Sphinx) -> None:
    app.connect("doctree-resolved", mark)
