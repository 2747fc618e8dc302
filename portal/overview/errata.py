"""``.. errata::`` lists what published pages had wrong, in ``docs/errata.rst``. ::

    .. errata::

       .. erratum:: attention/rope
          :date: 2026-11-30
          :said: A rotation by 90 degrees leaves the score as it is.
          :says: A rotation of both vectors by the same angle leaves the score as it is.

          Found by a reader; the code was right.

An erratum names a page that exists, a date, and what it said and says now; the content,
if any, tells how it was found. The page links here. Without an erratum the list says
that there is none.
"""

from datetime import date
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed

EMPTY = "None so far: no published page has been found wrong."
# Page and date of each erratum, by the document that lists it.
errata = PerDocument[list[tuple[str, str]]]("errata")


def iso_date(text: str) -> str:
    """A day as ``2026-11-30``; ``ValueError`` otherwise."""
    return date.fromisoformat(directives.unchanged_required(text)).isoformat()


class Errata(SphinxDirective):
    has_content = True

    def run(self) -> list[nodes.Node]:
        if not self.content:
            return [nodes.paragraph("", EMPTY)]
        return self.parse_content_to_nodes()


class Erratum(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        "date": iso_date,
        "said": directives.unchanged_required,
        "says": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        page = self.arguments[0]
        if missing := [name for name in self.option_spec if name not in self.options]:
            needs = ", ".join(f":{name}:" for name in missing)
            raise self.error(f"erratum {page} needs {needs}")
        errata(self.env).setdefault(self.env.docname, []).append(
            (page, self.options["date"])
        )
        box = nodes.container(classes=["erratum"])
        self.set_source_info(box)
        for text in (
            f"{self.options['date']}, :doc:`/{page}`",
            f"It said: {self.options['said']}",
            f"It says: {self.options['says']}",
        ):
            children, messages = self.parse_inline(text)
            box += [nodes.paragraph("", "", *children), *messages]
        box += self.parse_content_to_nodes()
        return [box]


def dates(env: BuildEnvironment, page: str) -> list[str]:
    """When a page was corrected."""
    return [
        day for listed in errata(env).values() for name, day in listed if name == page
    ]


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages of which an erratum was added or removed."""
    return changed(env, "errata", {name: dates(env, name) for name in env.found_docs})


def setup(app: Sphinx) -> None:
    app.add_directive("errata", Errata)
    app.add_directive("erratum", Erratum)
    errata.connect(app)
    app.connect("env-updated", rewrite)
