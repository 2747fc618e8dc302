"""``.. reproductions::`` lists every claim of the portal, with counts.

The table is plain HTML; a script, loaded on this page alone, adds sorting and filters.
The same list is written to ``reproductions.json`` beside the pages, in plain text.
"""

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.article import verdicts
from portal.article.claim import Claim, cited, claims, everything
from portal.article.claim_box import listed
from portal.article.claim_values import Value
from portal.article.rich_text import plain, shown
from portal.pages.late import add_script, connect, late
from portal.pages.table import Cell, table
from portal.pages.titles import link, title

COLUMNS = ("Page", "Reported", "Here", "Verdict")


class reproductions(late):
    """Stands for the table."""


class Reproductions(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [reproductions("", of="all")]


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


def cells(app: Sphinx, claim: Claim, source: str, docname: str) -> list[Cell]:
    """What stands in the columns for one claim."""
    book, _, _ = claim.docname.partition("/")
    page = [
        nodes.paragraph("", "", link(app, docname, claim.docname, "", claim.anchor)),
        nodes.paragraph("", book, classes=["reproductions-book"]),
    ]
    reports = [
        nodes.paragraph("", "", *shown(claim.reports)),
        nodes.paragraph("", source, classes=["reproductions-source"]),
    ]
    here = [listed(claim.values)] if claim.values else []
    return [page, reports, here, verdicts.mark(app, docname, claim.verdict)]


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, tuple]:
    titles = [title(env, name) for name in sorted(claims(env))]
    found = everything(env)
    sources = [cited(env, claim) for claim in found]
    return {"all": (found, sources, titles, verdicts.place(env))}


def render(
    app: Sphinx, docname: str, node: reproductions, view: tuple
) -> list[nodes.Node]:
    found, sources, *_ = view
    rows = [
        cells(app, claim, source, docname)
        for claim, source in zip(found, sources, strict=True)
    ]
    counted = nodes.paragraph("", summary(found))
    return [counted, table("reproductions", rows, COLUMNS)]


def write_file(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        Path(app.outdir, "reproductions.json").write_text(as_json(app.env), "utf-8")


def setup(app: Sphinx) -> None:
    app.add_directive("reproductions", Reproductions)
    connect(app, reproductions, views, render)
    add_script(app, reproductions, "reproductions.js")
    app.connect("build-finished", write_file)
