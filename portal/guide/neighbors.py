"""Each article says how hard and long it is, what to read before, and what after.

Under the title stand level, reading time and prerequisites; at the end the pages before
and after it with their summaries, and, folded, the shortest way to the page from
nothing. All of it follows from the fields of the articles.
"""

from collections.abc import Collection
from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator

from portal.guide.reading_time import spelled, times
from portal.order import Read
from portal.pages import titles
from portal.pages.late import connect, late
from portal.pages.metadata import Metadata, is_article
from portal.pages.prerequisites import followers, graph, in_reading_order, way


class page_facts(late):
    """Stands for the line under the title of a page."""


class page_follow(late):
    """Stands for the boxes at the end of a page."""


class neighbors(nodes.General, nodes.Element):
    """The pages before and after one, a landmark."""


@dataclass(frozen=True)
class Link:
    """Another page, as one page shows it."""

    docname: str
    title: str
    summary: str
    minutes: int


@dataclass(frozen=True)
class View:
    """What an article shows of itself and others."""

    level: str
    minutes: int
    before: tuple[Link, ...]
    after: tuple[Link, ...]
    way: tuple[Link, ...]


def link(env: BuildEnvironment, pages: dict[str, Metadata], name: str) -> Link:
    return Link(name, titles.title(env, name), pages[name].summary, times(env)[name])


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, View]:
    """What each article shows."""
    pages = in_reading_order(env)
    links = {name: link(env, pages, name) for name in pages}
    before = graph(pages)
    after = followers(before)
    return {
        name: View(
            page.level,
            links[name].minutes,
            *(
                tuple(links[other] for other in others)
                for others in (before[name], after[name], way(before, name))
            ),
        )
        for name, page in pages.items()
    }


def reference(app: Sphinx, docname: str, link: Link) -> nodes.reference:
    return titles.link(app, docname, link.docname, link.title)


def joined(references: list[nodes.reference]) -> list[nodes.Node]:
    """References as a list in a sentence.

    >>> joined([nodes.reference("", text) for text in "abc"])[1::2]
    [<#text: ', '>, <#text: ' and '>]
    """
    made: list[nodes.Node] = []
    for left, one in zip(reversed(range(len(references))), references, strict=True):
        made += [one, nodes.Text(" and " if left == 1 else ", ")]
    return made[:-1]


def head(app: Sphinx, docname: str, node: page_facts, view: View) -> nodes.container:
    """The line under the title."""
    said = f"{view.level.capitalize()} · {spelled(view.minutes)}"
    paragraph = nodes.paragraph("", said)
    if view.before:
        links = [reference(app, docname, link) for link in view.before]
        paragraph += [nodes.Text(" · after "), *joined(links)]
    return nodes.container("", paragraph, classes=["page-facts"])


def entry(app: Sphinx, docname: str, link: Link) -> nodes.list_item:
    """A page in a list, with its time and its summary."""
    time = nodes.inline("", f" {spelled(link.minutes)}", classes=["page-time"])
    first = nodes.paragraph("", "", reference(app, docname, link), time)
    return nodes.list_item("", first, nodes.paragraph("", link.summary))


def foot(
    app: Sphinx, docname: str, node: page_follow, view: View
) -> list[nodes.Element]:
    """The boxes at the end; nothing where a page stands alone."""
    box = neighbors("")
    for label, links in (("Before", view.before), ("After", view.after)):
        if links:
            items = [entry(app, docname, link) for link in links]
            title = nodes.paragraph("", f"{label} this page", classes=["page-label"])
            listed = nodes.bullet_list("", *items)
            box += nodes.container("", title, listed, classes=["page-neighbors"])
    if len(view.way) > len(view.before):
        total = spelled(sum(link.minutes for link in view.way))
        label = f"The shortest way here: {len(view.way)} pages, {total}"
        items = [entry(app, docname, link) for link in view.way]
        content = nodes.title("", label), nodes.enumerated_list("", *items)
        folded = {"classes": ["page-way"], "collapsible": "closed"}
        box += nodes.admonition("", *content, **folded)
    return [box] if box.children else []


def insert(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    title = doctree.next_node(nodes.title)
    if is_article(docname) and title is not None:
        section = title.parent
        section.insert(section.index(title) + 1, page_facts("", of=docname))
        section += page_follow("", of=docname)


def visit(self: HTML5Translator, node: neighbors) -> None:
    label = {"aria-label": "Before and after this page"}
    self.body.append(self.starttag(node, "nav", CLASS="page-follow", **label))


def depart(self: HTML5Translator, node: neighbors) -> None:
    self.body.append("</nav>\n")


def setup(app: Sphinx) -> None:
    app.add_node(neighbors, html=(visit, depart))
    connect(app, page_facts, views, head)
    connect(app, page_follow, views, foot)
    app.connect("doctree-read", insert, priority=Read.NEIGHBORS)
