"""What stands behind the portal, counted: pages, doctests, agreements, claims, figures.

``make status`` prints it after a build and writes ``build/status.json``. On a page,
``.. status::`` shows the table, and `` :status:`pages` `` one of its counts.
"""

import doctest
import json
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole

from portal.article.claim import everything
from portal.evidence import files
from portal.pages import mirror
from portal.pages.history import commit
from portal.pages.late import connect, late
from portal.pages.table import Cell, table
from portal.pages.titles import link
from portal.text.hint import hint
from portal.text.utf8 import read
from portal.worker.versions import installed


class Count(NamedTuple):
    """What is counted, what that says, and the page with the list, if there is one."""

    label: str
    said: str
    page: str = ""


COUNTS = {
    "pages": Count(
        "articles with code",
        "An article, its module, its figures and its tests.",
        "paths",
    ),
    "listings": Count(
        "listings of tested code", "Parts of modules that the tests import.", "snippets"
    ),
    "doctests": Count(
        "doctest examples in articles",
        "Lines after >>>; each must print what stands below it.",
    ),
    "comparisons": Count(
        "comparisons with a reference",
        "A test gave our code and a library the same input. The end of an article says "
        "to what error they agree.",
    ),
    "references": Count(
        "independent references", "Functions of libraries that were compared with."
    ),
    "claims": Count(
        "claims tried",
        "What papers report beside what came out here.",
        "reproductions",
    ),
    "figures": Count(
        "figures, each light and dark",
        "Drawn by scripts that you can download.",
        "gallery/index",
    ),
}
PACKAGES = ("torch", "numpy", "matplotlib", "sphinx", "sphinx-gallery")


class shown_count(late):
    """Stands for one count, or for the table of all."""


def collect(root: Path, verdicts: list[str]) -> dict:
    """Count what lies below ``root``; ``verdicts`` are those of all claims."""
    source = root / "docs"
    articles = [
        read(path)
        for path in sorted(root.glob("docs/*/*.rst"))
        if path.parent.name != "gallery"
    ]
    parser = doctest.DocTestParser()
    compared = files.of_kind(source, "agreements").values()
    notes = [note for path in compared for note in files.read(path)]
    runs = files.of_kind(source, "run")
    return {
        "pages": len(mirror.pages(root)),
        "listings": sum(len(re.findall(r"(?m)^ *\.\. snippet::", a)) for a in articles),
        "doctests": sum(len(parser.get_examples(a)) for a in articles),
        "comparisons": len(notes),
        "references": len({note["reference"] for note in notes}),
        "claims": len(verdicts),
        "verdicts": dict(Counter(verdicts)),
        "figures": len(list(files.figures(source))),
        "seconds": {name: files.read(run)["seconds"] for name, run in runs.items()},
        "versions": {name: installed(name) for name in PACKAGES},
        "commit": commit(root),
    }


def of_site(env: BuildEnvironment) -> dict:
    verdicts = [claim.verdict for claim in everything(env)]
    return collect(Path(env.srcdir).parent, verdicts)


def of_build(root: Path) -> dict:
    """The same from the files of the last build.

    Raises
    ------
    FileNotFoundError
        If nothing has been built.
    """
    file = root / "build/html/reproductions.json"
    if not file.is_file():
        raise FileNotFoundError("nothing is built yet: run make html first")
    return collect(root, [claim["verdict"] for claim in json.loads(file.read_text())])


def made_with(known: dict) -> list[tuple[str, str]]:
    """What the site was built with."""
    versions = [(f"Version of {name}", is_) for name, is_ in known["versions"].items()]
    return [*versions, ("Commit", known["commit"] or "not available here")]


def seconds(known: dict) -> list[tuple[str, str]]:
    return [(name, f"under {most}") for name, most in known["seconds"].items()]


def rows(known: dict) -> list[tuple[str, str]]:
    """All lines, as ``make status`` prints them: what, and how many."""
    made = [(count.label.capitalize(), str(known[k])) for k, count in COUNTS.items()]
    made += [(f"Claims {verdict}", str(n)) for verdict, n in known["verdicts"].items()]
    made += [(f"Seconds of {name}", most) for name, most in seconds(known)]
    return [*made, *made_with(known)]


class Status(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return [shown_count("", of="all")]


class StatusRole(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text in COUNTS:
            return [shown_count("", of=self.text)], []
        message = self.inliner.reporter.error(
            f"there is no count {self.text!r}; {hint(self.text, COUNTS)}",
            line=self.lineno,
        )
        return [self.inliner.problematic(self.text, self.text, message)], [message]


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, object]:
    known = of_site(env)
    return {of: known if of == "all" else known[of] for of in wanted}


def explained(app: Sphinx, docname: str, known: dict) -> nodes.container:
    """The counts, what each says, and where its list is."""
    lines: list[list[Cell]] = []
    for key, count in COUNTS.items():
        meaning: list[nodes.Node] = [nodes.Text(count.said)]
        if count.page in app.env.titles:
            meaning += [nodes.Text(" "), link(app, docname, count.page, "List")]
        name, number = nodes.Text(count.label.capitalize()), nodes.Text(str(known[key]))
        lines.append([name, number, [nodes.paragraph("", "", *meaning)]])
    return table("status", lines, ("What", "Count", "What it says"))


def plain(listed: list[tuple[str, str]]) -> nodes.container:
    return table("status", [[nodes.Text(text) for text in row] for row in listed])


def folded(title: str, content: nodes.Node) -> nodes.admonition:
    heading = nodes.title("", title)
    return nodes.admonition("", heading, content, collapsible="closed")


def render(
    app: Sphinx, docname: str, node: shown_count, view: object
) -> nodes.Node | list[nodes.Node]:
    if node["of"] != "all":
        return nodes.Text(str(view))
    return [
        explained(app, docname, view),
        plain(made_with(view)),
        folded("Seconds of each script on one core", plain(seconds(view))),
    ]


def setup(app: Sphinx) -> None:
    app.add_directive("status", Status)
    app.add_role("status", StatusRole())
    connect(app, shown_count, views, render)
