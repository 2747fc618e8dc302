"""``.. verdict-squares::`` shows all claims by book, a square for each.

A square links to the box of its claim. It shows the sign and the color of the verdict;
its text is for those who do not see it, and its tooltip says which page it is and what
was reported. A text and an EPUB have no squares.
"""

from collections.abc import Collection
from itertools import groupby

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.article.claim import Claim, everything
from portal.article.rich_text import plain
from portal.article.verdicts import VERDICTS, slug
from portal.pages.late import connect, late
from portal.pages.table import Cell, table
from portal.pages.titles import book_title, link, title

ORDER = list(VERDICTS)


def book(claim: Claim) -> str:
    return claim.docname.partition("/")[0]


def square(app: Sphinx, docname: str, claim: Claim) -> nodes.reference:
    page = title(app.env, claim.docname)
    text = f"{claim.verdict}: {page}"
    made = link(app, docname, claim.docname, text, claim.anchor)
    made["classes"] = ["square", f"verdict-{slug(claim.verdict)}"]
    made["reftitle"] = f"{page}: {plain(claim.reports)}"
    return made


class verdict_squares(late):
    """Stands for the squares."""


class VerdictSquares(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [verdict_squares("", of="all")]


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, tuple]:
    found = everything(env)
    names = [(title(env, c.docname), book_title(env, book(c))) for c in found]
    return {"all": (found, names)}


def render(
    app: Sphinx, docname: str, node: verdict_squares, view: tuple
) -> list[nodes.Node]:
    """A row for each book, its squares in the order of the table of verdicts."""
    if app.builder.name == "epub":
        return []
    rows: list[list[Cell]] = []
    for name, claims in groupby(view[0], book):
        of_book = sorted(claims, key=lambda claim: ORDER.index(claim.verdict))
        line = nodes.paragraph("", "")
        for claim in of_book:
            line += [square(app, docname, claim), nodes.Text(" ")]
        head = nodes.Text(book_title(app.env, name))
        rows.append([head, [line], nodes.Text(str(len(of_book)))])
    return [table("squares", rows, ("Book", "Claims, one a square", "Number"))]


def setup(app: Sphinx) -> None:
    app.add_directive("verdict-squares", VerdictSquares)
    connect(app, verdict_squares, views, render)
