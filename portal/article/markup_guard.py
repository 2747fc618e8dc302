"""What docutils lets pass in an article and a reader would miss is an error.

An image without ``:alt:``; a link that nothing checks, such as ``rope.html``; single
backticks, which set a title where code is meant (``default_role`` names the role).
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from portal.article.code_guard import place
from portal.article.figure import picture_image
from portal.order import Read

SCHEMES = {"http", "https", "mailto"}

logger = logging.getLogger(__name__)


class SingleBackticks(SphinxRole):
    """The role of text in single backticks: none."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        text = self.text
        message = self.inliner.reporter.error(
            f"single backticks: write ``{text}`` for code, *{text}* for emphasis, or "
            f"name a role as in :doc:`{text}`",
            line=self.lineno,
        )
        return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [
            message
        ]


def problems(doctree: nodes.document) -> Iterator[tuple[nodes.Element, str]]:
    """What is wrong in an article, and where."""
    for image in doctree.findall(nodes.image):
        if "alt" not in image and not isinstance(image, picture_image):
            text = "no alternative text: say with :alt: what it shows"
            yield image, f"the image {image['uri']!r} has {text}"
    for link in doctree.findall(nodes.reference):
        uri = link.get("refuri", "")
        if uri and not link.get("internal") and urlsplit(uri).scheme not in SCHEMES:
            others = ":doc: for a page, :ref: for a section, :download: for a file"
            yield link, f"nothing checks the link to {uri!r}: use {others}"


def check(app: Sphinx, doctree: nodes.document) -> None:
    if not app.env.docname.startswith("gallery/"):
        for node, problem in problems(doctree):
            logger.warning(problem, location=place(node), type="markup")


def setup(app: Sphinx) -> None:
    app.add_role("single-backticks", SingleBackticks())
    app.connect("doctree-read", check, priority=Read.GUARDS)
