"""``.. example-claim:: attention/page 1`` shows the first claim of a page on another.

It is the same box, with a link to where the claim stands.
"""

from collections.abc import Collection
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from portal.article.claim import Claim, cited, claims
from portal.article.claim_box import box
from portal.article.rich_text import shown
from portal.article.verdicts import mark, place
from portal.pages.late import connect, late
from portal.pages.titles import link

logger = logging.getLogger(__name__)


class example_claim(late):
    """Stands for the box."""


class Example(NamedTuple):
    """A claim, what it cites, and the page that explains its verdict; or nothing."""

    claim: Claim | None
    source: str
    explained: str


class ExampleClaim(SphinxDirective):
    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        made = example_claim("", of=tuple(self.arguments))
        self.set_source_info(made)
        return [made]


def views(
    env: BuildEnvironment, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], Example]:
    found = {}
    for page, number in wanted:
        of_page = claims(env).get(page, [])
        anchors = {claim.anchor: claim for claim in of_page}
        claim = anchors.get(f"claim-{number}")
        source = cited(env, claim) if claim else ""
        found[page, number] = Example(claim, source, place(env))
    return found


def render(
    app: Sphinx, docname: str, node: example_claim, view: Example
) -> list[nodes.Node]:
    page, number = node["of"]
    claim = view.claim
    if not claim:
        logger.warning("docs/%s.rst has no claim %s", page, number, location=node)
        return []
    source = link(app, docname, page, view.source, claim.anchor)
    texts = {
        "source": [nodes.Text("by "), source, nodes.Text(": ")],
        "reports": shown(claim.reports),
        "control": [],
        "why": [nodes.paragraph("", "", *shown(claim.why))],
    }
    return [box(claim.verdict, mark(app, docname, claim.verdict), claim.values, texts)]


def setup(app: Sphinx) -> None:
    app.add_directive("example-claim", ExampleClaim)
    connect(app, example_claim, views, render)
