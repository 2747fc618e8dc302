"""The verdicts on a claim, and ``.. verdicts::``, the table of what each means.

The directive stands on one page, *Reproductions*. Each verdict shown anywhere is a link
to its line of the table.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.pages.per_document import PerDocument
from portal.pages.table import table
from portal.text.hint import hint

VERDICTS = {
    "reproduced": "The same quantity was measured, at our size, and it agrees.",
    "reproduced in part": "Some of the claim was measured and agrees, or all of it "
    "does under a condition that the page names.",
    "recomputed": "Arithmetic on published numbers agrees. Nothing was trained or "
    "measured.",
    "not seen at this size": "The effect did not appear, and a control that the page "
    "shows explains why size is the reason.",
    "contradicted": "It was measured, and it comes out otherwise.",
    "not tested": "The claim is quoted for context, and the page says what a test "
    "would take.",
}

# The documents with the table.
explained = PerDocument[None]("verdicts")


def known(text: str) -> str:
    """One of the verdicts.

    Raises
    ------
    ValueError
        If there is no such verdict; the message names the nearest one.
    """
    if text not in VERDICTS:
        raise ValueError(f"there is no verdict {text!r}; {hint(text, VERDICTS)}")
    return text


def slug(verdict: str) -> str:
    """The verdict in the names of classes and anchors.

    >>> slug("not tested")
    'not-tested'
    """
    return verdict.replace(" ", "-")


def place(env: BuildEnvironment) -> str:
    """The document that explains the verdicts; empty if there is none."""
    return min(explained(env), default="")


def mark(app: Sphinx, docname: str, verdict: str) -> nodes.Element:
    """A verdict as a document shows it: with its sign, and a link to what it means."""
    classes = ["verdict", f"verdict-{slug(verdict)}"]
    explanation = place(app.env)
    if not explanation:
        return nodes.inline("", verdict, classes=classes)
    uri = app.builder.get_relative_uri(docname, explanation)
    target = f"{uri}#verdict-{slug(verdict)}"
    return nodes.reference("", verdict, refuri=target, internal=True, classes=classes)


class Verdicts(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        explained(self.env)[self.env.docname] = None
        rows = [
            [
                nodes.inline("", verdict, classes=["verdict", f"verdict-{name}"]),
                nodes.inline("", meaning, ids=[f"verdict-{name}"]),
            ]
            for verdict, meaning in VERDICTS.items()
            for name in [slug(verdict)]
        ]
        return [table("verdicts", rows, ("Verdict", "When"))]


def setup(app: Sphinx) -> None:
    app.add_directive("verdicts", Verdicts)
    explained.connect(app)
