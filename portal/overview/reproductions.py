"""``.. reproductions::`` lists every claim of the portal, with counts.

The table is plain HTML; a script, loaded on this page alone, adds sorting and filters.
The same list is written to ``reproductions.json`` beside the pages, in plain text.
"""

import json
from collections import Counter
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.article import verdicts
from portal.article.claim import Claim, claims
from portal.article.claim_box import listed
from portal.article.claim_values import Value
from portal.article.rich_text import plain, shown
from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed
from portal.pages.table import Cell, table

COLUMNS = ("Page", "Reported", "Here", "Verdict")


# The documents with the list.
listing = PerDocument[None]("listing")


class reproductions(nodes.General, nodes.Element):
    """Stands for the table until all pages have been read."""


class Reproductions(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        listing(self.env)[self.env.docname] = None
        return [reproductions("")]


def everything(env: BuildEnvironment) -> list[Claim]:
    """All claims, in the order of books and pages."""
    return [claim for name in sorted(claims(env)) for claim in claims(env)[name]]


def data(claim: Claim, macros: str) -> dict:
    """A claim as machines read it; ``macros`` are those of formulas."""

    def of_value(value: Value) -> dict:
        return {**value._asdict(), "label": plain(value.label, macros)}

    return {
        **vars(claim),
        "reports": plain(claim.reports, macros),
        "values": [of_value(value) for value in claim.values],
        "why": plain(claim.why, macros),
    }


def as_json(env: BuildEnvironment) -> str:
    macros = json.dumps(env.config.katex_macros)
    return json.dumps([data(claim, macros) for claim in everything(env)], indent=1)


def summary(found: list[Claim]) -> str:
    """How many claims have which verdict.

    >>> summary([])
    '0 claims.'
    """
    counts = Counter(claim.verdict for claim in found)
    parts = [f"{counts[name]} {name}" for name in verdicts.VERDICTS if counts[name]]
    noun = "claim" if len(found) == 1 else "claims"
    return f"{len(found)} {noun}{': ' if parts else ''}{', '.join(parts)}."


def cells(app: Sphinx, claim: Claim, docname: str) -> list[Cell]:
    """What stands in the columns for one claim."""
    book, _, _ = claim.docname.partition("/")
    uri = app.builder.get_relative_uri(docname, claim.docname)
    title = app.env.titles[claim.docname].astext()
    link = nodes.reference("", title, refuri=f"{uri}#{claim.anchor}", internal=True)
    page = [
        nodes.paragraph("", "", link),
        nodes.paragraph("", book, classes=["reproductions-book"]),
    ]
    reports = [nodes.paragraph("", "", *shown(claim.reports))]
    here = [listed(claim.values)] if claim.values else []
    return [page, reports, here, verdicts.mark(app, docname, claim.verdict)]


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for place in list(doctree.findall(reproductions)):
        found = everything(app.env)
        rows = [cells(app, claim, docname) for claim in found]
        place.replace_self(
            [
                nodes.paragraph("", summary(found)),
                table("reproductions", rows, COLUMNS),
            ]
        )


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages with the list, when a claim or a title has changed."""
    titles = [env.titles[name].astext() for name in sorted(claims(env))]
    view = titles, everything(env), verdicts.place(env)
    return changed(env, "reproductions", dict.fromkeys(listing(env), view))


def write_file(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        Path(app.outdir, "reproductions.json").write_text(as_json(app.env), "utf-8")


def add_script(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: nodes.document | None,
) -> None:
    if pagename in listing(app.env):
        app.add_js_file("reproductions.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    app.add_node(reproductions)
    app.add_directive("reproductions", Reproductions)
    listing.connect(app)
    app.connect("doctree-resolved", resolve)
    app.connect("env-updated", rewrite)
    app.connect("html-page-context", add_script)
    app.connect("build-finished", write_file)
