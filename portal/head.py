"""What the head of a page tells machines: summary, preview, feeds, its plain text.

A link to an article is shown elsewhere as a card: its title and book, its summary, and
the first figure of its script, of which a raster is copied beside the other images.
"""

import json
import shutil
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from portal import feed
from portal.citation import book_title
from portal.gallery_figure import files
from portal.html import render
from portal.metadata import is_article, page_metadata


def card(app: Sphinx, docname: str) -> dict[str, str]:
    """The fields from which the preview of an article is made."""
    book, _, page = docname.partition("/")
    title = app.env.titles[docname].astext()
    fields = {
        "og:title": f"{title} · {book_title(app.env, book)}",
        "og:description": page_metadata(app.env, docname).summary,
    }
    figure = Path(app.srcdir, f"{files(f'{book}.{page}', 1)}.png")
    if figure.is_file():
        place = Path(app.outdir, app.builder.imagedir, figure.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(figure, place)
        fields["og:image"] = f"{app.builder.imagedir}/{figure.name}"
        fields["og:image:alt"] = json.loads(figure.with_suffix(".json").read_text())[
            "alt"
        ]
    return fields


def add(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: nodes.document | None,
) -> None:
    if app.builder.name != "html":
        return
    fields = card(app, pagename) if is_article(pagename) and doctree else {}
    context["meta"] = {**(context.get("meta") or {}), **fields}
    context["metatags"] = context.get("metatags", "") + render(
        "head.html",
        summary=fields.get("og:description"),
        card="og:image" in fields,
        text=f"{Path(pagename).name}.txt" if doctree else None,
        feeds=[
            (feed.title(app, place), context["pathto"](place, resource=True))
            for place in feed.of_page(app, pagename)
        ],
    )


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add, priority=450)  # previews are made at 500
