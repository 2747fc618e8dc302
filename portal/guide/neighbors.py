"""Each article says how hard and long it is, what to read before, and what after.

Under the title stand level, reading time and prerequisites; at the end the pages before
and after it with their summaries, and, folded, the shortest way to the page from
nothing. All of it follows from the fields of the articles.
"""

from dataclasses import dataclass

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.writers.html5 import HTML5Translator

from portal.guide.reading_time import spelled, times
from portal.pages.metadata import Metadata
from portal.pages.prerequisites import followers, graph, in_reading_order, way
from portal.pages.rewrite import changed


class folded(nodes.General, nodes.Element):
    """What opens on request; its first child, a ``heading``, always shows."""


class heading(nodes.TextElement):
    """The part of something folded that always shows."""


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
    title = env.titles[name].astext()
    return Link(name, title, pages[name].summary, times(env)[name])


def views(env: BuildEnvironment) -> dict[str, View]:
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
    uri = app.builder.get_relative_uri(docname, link.docname)
    return nodes.reference("", link.title, refuri=uri, internal=True)


def joined(references: list[nodes.reference]) -> list[nodes.Node]:
    """References as a list in a sentence.

    >>> joined([nodes.reference("", text) for text in "abc"])[1::2]
    [<#text: ', '>, <#text: ' and '>]
    """
    made: list[nodes.Node] = []
    for left, one in zip(reversed(range(len(references))), references, strict=True):
        made += [one, nodes.Text(" and " if left == 1 else ", ")]
    return made[:-1]


def head(app: Sphinx, docname: str, view: View) -> nodes.container:
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


def foot(app: Sphinx, docname: str, view: View) -> neighbors | None:
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
        box += folded("", heading("", label), nodes.enumerated_list("", *items))
    return box if box.children else None


def insert(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    view = app.env.portal_views.get(docname)
    title = doctree.next_node(nodes.title)
    if view is None or title is None:
        return
    section = title.parent
    section.insert(section.index(title) + 1, head(app, docname, view))
    if (box := foot(app, docname, view)) is not None:
        section += box


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Articles that show something else of themselves or others."""
    env.portal_views = views(env)
    return changed(env, "views", env.portal_views)


def visit_neighbors(self: HTML5Translator, node: neighbors) -> None:
    label = {"aria-label": "Before and after this page"}
    self.body.append(self.starttag(node, "nav", CLASS="page-follow", **label))


def depart_neighbors(self: HTML5Translator, node: neighbors) -> None:
    self.body.append("</nav>\n")


def visit_folded(self: HTML5Translator, node: folded) -> None:
    self.body.append(self.starttag(node, "details", CLASS="page-way"))


def depart_folded(self: HTML5Translator, node: folded) -> None:
    self.body.append("</details>\n")


def visit_heading(self: HTML5Translator, node: heading) -> None:
    self.body.append(self.starttag(node, "summary", ""))


def depart_heading(self: HTML5Translator, node: heading) -> None:
    self.body.append("</summary>\n")


def setup(app: Sphinx) -> None:
    app.add_node(neighbors, html=(visit_neighbors, depart_neighbors))
    app.add_node(folded, html=(visit_folded, depart_folded))
    app.add_node(heading, html=(visit_heading, depart_heading))
    app.connect("env-updated", rewrite)
    app.connect("doctree-resolved", insert)
