"""The box of a claim: reported, here, verdict, and why; the bands are folded below."""

from collections.abc import Collection

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.article import verdicts
from portal.article.claim_values import Value
from portal.article.rich_text import shown
from portal.article.verdicts import place, slug
from portal.pages.late import connect, late


class verdict_mark(late):
    """Stands for a verdict, which links to the page that explains it."""


def part(name: str, *after: nodes.Node) -> nodes.paragraph:
    """A paragraph of a box, which begins with the name of the part."""
    heading = nodes.inline("", name, classes=["claim-part"])
    return nodes.paragraph("", "", heading, nodes.Text(" "), *after)


def group(name: str, *parts: nodes.Node) -> nodes.container:
    """What stands together in a box."""
    return nodes.container("", *parts, classes=[f"claim-{name}"])


def listed(values: tuple[Value, ...]) -> nodes.bullet_list:
    """The values, each after its label."""
    made = nodes.bullet_list("", classes=["claim-values"])
    for value in values:
        name = nodes.inline("", "", *shown(value.label), nodes.Text(": "))
        text = nodes.strong("", value.text, classes=["measured"])
        made += nodes.list_item("", nodes.paragraph("", "", name, text))
    return made


def bands(values: tuple[Value, ...]) -> nodes.admonition:
    """The band of each value; folded, since it is the build's business."""
    made = nodes.bullet_list("")
    for value in values:
        line = nodes.paragraph(
            "", "", *shown(value.label), nodes.Text(f": {value.band}")
        )
        made += nodes.list_item("", line)
    title = nodes.title("", "Each build measures again and fails outside these ranges")
    return nodes.admonition(
        "", title, made, classes=["claim-bands"], collapsible="closed"
    )


def box(
    verdict: str,
    mark: nodes.Node,
    values: tuple[Value, ...],
    texts: dict[str, list[nodes.Node]],
) -> nodes.container:
    """A claim with the ``mark`` of its verdict; ``texts`` are what was parsed."""
    made = nodes.container("", classes=["claim", f"claim-{slug(verdict)}"])
    made += group("reported", part("Reported", *texts["source"], *texts["reports"]))
    if values:
        made += group("here", part("Here:"), listed(values))
    judged = group("judged", part("Verdict:", mark))
    if texts["control"]:
        judged += part("Control:", *texts["control"])
    judged += texts["why"]
    if values:
        judged += bands(values)
    made += judged
    return made


def views(env: BuildEnvironment, wanted: Collection[str]) -> dict[str, str]:
    return dict.fromkeys(wanted, place(env))


def render(app: Sphinx, docname: str, node: verdict_mark, view: str) -> nodes.Element:
    return verdicts.mark(app, docname, node["of"])


def setup(app: Sphinx) -> None:
    connect(app, verdict_mark, views, render)
