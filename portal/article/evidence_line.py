"""The line under the title of each article that has code: what was run, and when.

It says with which independent implementations the code agrees, to what error and on how
many inputs, or else what it was checked against; the versions; the date of the last
commit; how long the script took; and links to source, tests and notebook. The same is
in the page as ``data-evidence`` for machines.
"""

import ast
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator

from portal.article.download import link
from portal.evidence.inputs import closure
from portal.pages import mirror
from portal.pages.history import dated, last_date
from portal.worker.versions import installed


class evidence_line(nodes.General, nodes.Element):
    """The line; its attribute ``data`` is what machines read."""


@dataclass(frozen=True)
class Reference:
    """What one package computed, over all inputs on which it was compared."""

    package: str
    version: str
    names: list[str]
    inputs: int
    error: float

    def __str__(self) -> str:
        names = " and ".join(filter(None, [", ".join(self.names[:-1]), self.names[-1]]))
        who = " ".join(filter(None, [self.package, self.version, names]))
        how = f"to {self.error:.0e}" if self.error else "exactly"
        return f"{who} {how} on {self.inputs} input{'s' * (self.inputs != 1)}"


def references(notes: list[dict]) -> list[Reference]:
    """Notes of single comparisons, joined by package; libraries come first.

    >>> def note(name, error):
    ...     return {"reference": name, "version": "2.13.0+cpu", "error": error}
    >>> for reference in references([
    ...     note("loops", 0), note("torch.nn.sdpa", 4e-16), note("torch.topk", 0)
    ... ]):
    ...     print(reference)
    torch 2.13.0 sdpa and topk to 4e-16 on 2 inputs
    loops exactly on 1 input
    """
    groups: dict[str, list[dict]] = {}
    for note in sorted(notes, key=lambda note: "." not in note["reference"]):
        package, dot, _ = note["reference"].partition(".")
        groups.setdefault(package if dot else note["reference"], []).append(note)
    found = []
    for package, own in groups.items():
        names = [note["reference"].rpartition(".") for note in own]
        dotted = list(dict.fromkeys(name for _, dot, name in names if dot))
        version = own[0]["version"].partition("+")[0] if dotted else ""
        error = max(note["error"] for note in own)
        found.append(Reference(package, version, dotted or [""], len(own), error))
    return found


def checked(test: Path) -> str:
    """What the tests say of themselves: the first sentence of their docstring."""
    docstring = ast.get_docstring(ast.parse(test.read_text("utf-8"))) or test.stem
    return " ".join(docstring.split("\n\n")[0].split()).rstrip(".")


def facts(env: BuildEnvironment, book: str, page: str) -> dict:
    """Everything that the line says, as a machine reads it."""
    root, gallery = Path(env.srcdir).parent, Path(env.srcdir, "gallery", book)
    test = root / mirror.places(book, page)[3]
    found = {}
    for key, name in (("agreements", f"test_{page}"), ("run", f"plot_{page}")):
        file = gallery / f"{name}.{key}.json"
        env.note_dependency(file)
        found[key] = json.loads(file.read_text())
    env.note_dependency(test)
    _, packages = closure(root / mirror.places(book, page)[1], root)
    used = sorted(packages & {"numpy", "scipy", "torch"}) or ["numpy"]
    return {
        "agreements": found["agreements"],
        "checked": checked(test),
        "date": last_date(env, env.docname),
        "seconds": found["run"]["seconds"],
        "versions": {
            "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
            **{name: installed(name) for name in used},
        },
    }


def line(env: BuildEnvironment, book: str, page: str) -> evidence_line:
    known = facts(env, book, page)
    agreements = references(known["agreements"])
    node = evidence_line("", data=known)
    said = (
        "Agrees with " + "; ".join(str(reference) for reference in agreements)
        if agreements
        else f"Checked: {known['checked']}"
    )
    versions = ", ".join(
        f"{name} {version.partition('+')[0]}"
        for name, version in known["versions"].items()
    )
    date = dated(env, env.docname)
    said += f". Ran with {versions}, {date}, in under {known['seconds']} s: "
    paragraph = nodes.paragraph("", said)
    _, module, script, test = (str(place) for place in mirror.places(book, page))
    notebook = f"docs/gallery/{book}/plot_{page}.ipynb"
    names = {"source": module, "script": script, "tests": test, "notebook": notebook}
    for name, target in names.items():
        paragraph += [link(env, name, target), nodes.Text(", ")]
    paragraph[-1] = nodes.Text(".")
    node += paragraph
    return node


def insert(app: Sphinx, doctree: nodes.document) -> None:
    if app.env.docname not in app.env.portal_commits:
        return
    if mirror.is_prose(Path(app.env.doc2path(app.env.docname))):
        return
    book, _, page = app.env.docname.partition("/")
    files = [Path(app.confdir, place) for place in mirror.places(book, page)]
    missing = [file for file in files if not file.is_file()]
    for file in missing:
        app.env.note_dependency(file)
    if missing:
        return  # portal.pages.mirror has said so
    title = doctree.next_node(nodes.title)
    if title is None:
        return  # portal.pages.toctree will say so
    title.parent.insert(title.parent.index(title) + 1, line(app.env, book, page))


def visit(self: HTML5Translator, node: evidence_line) -> None:
    data = {"data-evidence": json.dumps(node["data"])}
    self.body.append(self.starttag(node, "div", CLASS="evidence", **data))


def depart(self: HTML5Translator, node: evidence_line) -> None:
    self.body.append("</div>\n")


def setup(app: Sphinx) -> None:
    app.add_node(evidence_line, html=(visit, depart))
    app.connect("doctree-read", insert, priority=400)  # 500 collects downloads
