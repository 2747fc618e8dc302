"""What was run for an article that has code: a line at its top, details at its end.

The line says against which libraries the code was checked, or else against what, and
when; it leads to the details. These say to what error the code agrees with each, and on
how many inputs; the versions; the last commit; how long the scripts took; and where
source, tests, scripts and notebooks are. The line has all of it as ``data-evidence``,
for machines.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator

from portal.article.colab import colab_link
from portal.article.download import link
from portal.article.evidence_facts import facts, listed, references
from portal.evidence import files, scripts
from portal.order import Read
from portal.pages import mirror
from portal.pages.history import dated

DETAILS = "page-evidence"


class evidence_line(nodes.General, nodes.Element):
    """The line; its attribute ``data`` is what machines read."""


class evidence_details(nodes.General, nodes.Element):
    """The details."""


def line(known: dict) -> evidence_line:
    """What stands under the title."""
    compared = references(known["agreements"])
    libraries = [one for one in compared if one.version] or compared
    packages = [one.package for one in libraries]
    said = f"against {listed(packages)}" if packages else "by its own tests"
    text = ", ".join(filter(None, [f"Checked {said}", known["date"]]))
    link = nodes.reference("", text, refid=DETAILS, internal=True)
    return evidence_line("", nodes.paragraph("", "", link), data=known)


def details(
    env: BuildEnvironment, known: dict, book: str, page: str
) -> list[nodes.Node]:
    """What stands at the end."""
    label = nodes.paragraph("", "How this page was checked", classes=["page-label"])
    made = [label, nodes.paragraph("", f"{known['checked']}.")]
    if compared := references(known["agreements"]):
        made.append(nodes.paragraph("", "The code agrees with:"))
        items = [nodes.paragraph("", str(one)) for one in compared]
        made.append(nodes.bullet_list("", *[nodes.list_item("", i) for i in items]))
    versions = ", ".join(
        f"{name} {version.partition('+')[0]}"
        for name, version in known["versions"].items()
    )
    commit = f" (commit {known['commit']})" if known["commit"] else ""
    said = f"The scripts ran with {versions}, in under {known['seconds']} s. "
    said += f"Last change: {dated(env, env.docname)}{commit}. "
    listed = nodes.inline(
        "", "Files: ", *links(env, book, page), classes=["page-files"]
    )
    return [*made, nodes.paragraph("", said, listed)]


def links(env: BuildEnvironment, book: str, page: str) -> list[nodes.Node]:
    """Links to the files of a page, as a sentence ends with them."""
    own = mirror.places(book, page)
    made = [link(env, "source", str(own.module)), nodes.Text(", ")]
    made.append(link(env, "tests", str(own.test)))
    for script in scripts.read(files.page(Path(env.srcdir), book, page)).names:
        name = script.removeprefix(f"plot_{page}_").replace("_", " ")
        made += [
            nodes.Text(f"; {name} ("),
            link(env, "script", f"snippets/{book}/{script}.py"),
            nodes.Text(", "),
            link(env, "notebook", f"docs/{files.notebook(book, script)}"),
            colab_link("", of=script),
            nodes.Text(")"),
        ]
    return [*made, nodes.Text(".")]


def insert(app: Sphinx, doctree: nodes.document) -> None:
    if app.env.docname not in app.env.portal_commits:
        return
    if mirror.is_prose(Path(app.env.doc2path(app.env.docname))):
        return
    book, _, page = app.env.docname.partition("/")
    needed = [Path(app.confdir, place) for place in mirror.places(book, page)]
    needed.append(files.page(Path(app.srcdir), book, page))
    missing = [file for file in needed if not file.is_file()]
    for file in missing:
        app.env.note_dependency(file)
    if missing:
        return  # portal.pages.mirror has said so
    title = doctree.next_node(nodes.title)
    if title is None:
        return  # portal.pages.toctree will say so
    known = facts(app.env, book, page)
    title.parent.insert(title.parent.index(title) + 1, line(known))
    told = details(app.env, known, book, page)
    title.parent += evidence_details("", *told, ids=[DETAILS])


def visit(self: HTML5Translator, node: evidence_line) -> None:
    data = {"data-evidence": json.dumps(node["data"])}
    self.body.append(self.starttag(node, "div", CLASS="evidence", **data))


def depart(self: HTML5Translator, node: evidence_line) -> None:
    self.body.append("</div>\n")


def visit_details(self: HTML5Translator, node: evidence_details) -> None:
    label = {"aria-label": "How this page was checked"}
    self.body.append(self.starttag(node, "section", CLASS="evidence-details", **label))


def depart_details(self: HTML5Translator, node: evidence_details) -> None:
    self.body.append("</section>\n")


def setup(app: Sphinx) -> None:
    app.add_node(evidence_line, html=(visit, depart))
    app.add_node(evidence_details, html=(visit_details, depart_details))
    app.connect("doctree-read", insert, priority=Read.EVIDENCE)
