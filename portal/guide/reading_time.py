"""`` :reading-time:`attention` `` says how long a book or a page takes to read.

The time is measured on the page: its words at 230 a minute, its lines of code, rows of
displayed equations, formulas in the text and figures at the seconds below. What readers
open only if need be, answers and proofs, does not count.
"""

from collections.abc import Collection

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from portal.article.evidence_line import evidence_details, evidence_line
from portal.order import Read
from portal.pages.late import connect, late
from portal.pages.metadata import is_article
from portal.pages.per_document import PerDocument
from portal.text.hint import hint

WORD = 60 / 230  # seconds; what adults read of plain English (Brysbaert 2019: 238)
CODE_LINE = 2.0
EQUATION_ROW = 6.0
FORMULA = 0.5
FIGURE = 10.0

logger = logging.getLogger(__name__)
# The minutes that each article takes.
times = PerDocument[int]("times")


class reading_time(late):
    """Stands for the time of a book or page."""


def seconds(node: nodes.Node) -> float:
    r"""How long a part of a page takes.

    >>> seconds(nodes.paragraph("", "Some words. " * 115))
    60.0
    >>> seconds(nodes.math_block("", r"a \\ b"))
    12.0
    """
    if isinstance(node, nodes.Text):
        return WORD * len(node.split())
    if isinstance(node, nodes.literal_block | nodes.doctest_block):
        return CODE_LINE * sum(map(bool, map(str.strip, node.astext().splitlines())))
    if isinstance(node, nodes.math_block):
        return EQUATION_ROW * (node.astext().count(r"\\") + 1)
    if isinstance(node, nodes.math):
        return FORMULA
    evidence = evidence_line | evidence_details
    if isinstance(node, evidence) or node.get("collapsible"):
        return 0.0
    own = FIGURE if isinstance(node, nodes.figure) else 0.0
    return own + sum(map(seconds, node.children))


def spelled(minutes: int) -> str:
    """Minutes as one says them.

    >>> spelled(1), spelled(8), spelled(60), spelled(133)
    ('1 minute', '8 minutes', '1 hour', '2 hours 15 minutes')
    """
    if minutes < 60:
        return f"{minutes} minute{'s' * (minutes != 1)}"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    whole = f"{hours} hour{'s' * (hours != 1)}"
    return f"{whole} {rest} minutes" if rest else whole


def minutes(env: BuildEnvironment, of: str) -> int:
    """The minutes of a page, or of all pages of a book; none if there is none."""
    known = times(env)
    return sum(known[n] for n in known if n == of or n.startswith(f"{of}/"))


class ReadingTime(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        node = reading_time("", of=self.text)
        self.set_source_info(node)
        return [node], []


def measure(app: Sphinx, doctree: nodes.document) -> None:
    if is_article(app.env.docname):
        times(app.env)[app.env.docname] = max(1, round(seconds(doctree) / 60))


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, int]:
    return {of: minutes(env, of) for of in wanted}


def render(app: Sphinx, docname: str, node: reading_time, found: int) -> nodes.Text:
    if not found:  # an article takes a minute at least
        of, known = node["of"], times(app.env)
        books = {name.partition("/")[0] for name in known}
        problem = f"no page or book {of!r} with pages; {hint(of, books | {*known})}"
        logger.warning("reading time: %s", problem, location=node, type="metadata")
    return nodes.Text(spelled(found) if found else "?")


def setup(app: Sphinx) -> None:
    app.add_role("reading-time", ReadingTime())
    times.connect(app)
    connect(app, reading_time, views, render)
    app.connect("doctree-read", measure, priority=Read.READING_TIME)
