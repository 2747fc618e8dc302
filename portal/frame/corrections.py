"""Corrects what docutils, Sphinx, furo and Sphinx-Gallery write into pages.

HTML that validators accept, and roles that assistive technology understands:

- sources stand in a list (docutils gives them a role that is deprecated);
- an id stands once (furo wraps a table and gives its ids to the wrapper as well);
- captions of the sidebar have the level that a heading needs;
- the gallery has no attribute that HTML does not know, and no id on several places.

Pages of scripts begin with their title, and offer the notebook and the script, which
the site makes fit to be taken away; not an archive of both.

``docs/_templates/page.html`` does the same for the frame of the page.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

from portal.order import Context, Read

UNWANTED = {"sphx-glr-download-link-note", "sphx-glr-download-zip"}


def visit_citation(self: HTML5Translator, node: nodes.citation) -> None:
    if not isinstance(node.previous_sibling(), nodes.citation):
        self.body.append('<div role="list" class="citation-list">\n')
    self.body.append(self.starttag(node, "div", CLASS="citation", role="listitem"))


def depart_citation(self: HTML5Translator, node: nodes.citation) -> None:
    self.body.append("</div>\n")
    if not isinstance(node.next_node(descend=False, siblings=True), nodes.citation):
        self.body.append("</div>\n")


class SingleIds(SphinxPostTransform):
    """Takes from the wrapper of a table the ids that the table has."""

    default_priority = 600  # furo wraps at 500
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for table in self.document.findall(nodes.table):
            if table["ids"] == table.parent["ids"]:
                table.parent["ids"] = []


def correct_gallery(app: Sphinx, doctree: nodes.document) -> None:
    """Tooltips as titles, which HTML knows; no places for tags, since none are used."""
    for raw in list(doctree.findall(nodes.raw)):
        if "sphx-glr-tag-list" in raw.astext():
            raw.parent.remove(raw)
        elif "sphx-glr-thumbcontainer" in raw.astext():
            text = raw.astext().replace(" tooltip=", " title=")
            raw.replace_self(nodes.raw(text, text, format="html"))
    for node in list(doctree.findall(nodes.Element)):
        if UNWANTED & set(node.get("classes", ())):
            node.parent.remove(node)


def level_captions(
    app: Sphinx, pagename: str, _: str, context: dict, *__: object
) -> None:
    if tree := context.get("furo_navigation_tree"):
        caption = 'class="caption" role="heading"'
        context["furo_navigation_tree"] = tree.replace(
            caption, f'{caption} aria-level="2"'
        )


def setup(app: Sphinx) -> None:
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))
    app.add_post_transform(SingleIds)
    app.connect("doctree-read", correct_gallery, priority=Read.GALLERY)
    app.connect("html-page-context", level_captions, priority=Context.CAPTIONS)
