"""The box of a claim: reported, here, verdict, and why; the bands are folded below."""

from docutils import nodes
from sphinx.application import Sphinx

from portal.article.claim_values import Value
from portal.article.rich_text import shown
from portal.article.verdicts import mark, slug


class verdict_mark(nodes.inline):
    """Stands for a ``verdict`` until all pages have been read."""


def part(name: str, *after: nodes.Node) -> nodes.paragraph:
    """A paragraph of a box, which begins with the name of the part."""
    heading = nodes.inline("", name, classes=["claim-part"])
    return nodes.paragraph("", "", heading, nodes.Text(" "), *after)


def listed(values: tuple[Value, ...]) -> nodes.bullet_list:
    """The values, each after its label."""
    made = nodes.bullet_list("", classes=["claim-values"])
    for value in values:
        text = nodes.strong("", value.text, classes=["measured"])
        line = nodes.paragraph("", "", *shown(value.label), nodes.Text(": "), text)
        made += nodes.list_item("", line)
    return made


def bands(values: tuple[Value, ...]) -> nodes.admonition:
    """The band of each value; folded, since it is the build's business."""
    made = nodes.bullet_list("")
    for value in values:
        line = nodes.paragraph(
            "", "", *shown(value.label), nodes.Text(f": {value.band}")
        )
        made += nodes.list_item("", line)
    title = nodes.title("", "Bands: where the build must find these values")
    return nodes.admonition(
        "", title, made, classes=["claim-bands"], collapsible="closed"
    )


def box(
    verdict: str, values: tuple[Value, ...], texts: dict[str, list[nodes.Node]]
) -> nodes.container:
    """A claim as its page shows it; ``texts`` are what was parsed."""
    made = nodes.container("", classes=["claim", f"claim-{slug(verdict)}"])
    made += part("Reported", *texts["source"], *texts["reports"])
    if values:
        made += [part("Here:"), listed(values)]
    made += part("Verdict:", verdict_mark("", "", verdict=verdict))
    if texts["control"]:
        made += part("Control:", *texts["control"])
    made += texts["why"]
    if values:
        made += bands(values)
    return made


def resolve(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    for node in list(doctree.findall(verdict_mark)):
        node.replace_self(mark(app, docname, node["verdict"]))


def setup(app: Sphinx) -> None:
    app.add_node(verdict_mark)
    app.connect("doctree-resolved", resolve)
