"""What the head of a page tells machines: summary, preview, feeds, its plain text.

A link to an article is shown elsewhere as a card: its title and book, its summary, and
a picture of these with the first figure that it shows.
"""

import textwrap
from pathlib import Path
from urllib.parse import urljoin

from docutils import nodes
from sphinx.application import Sphinx

from portal.article.figure import versions
from portal.article.figure_files import read
from portal.evidence.files import Figure
from portal.frame.templates import render
from portal.order import Context
from portal.outputs import feed
from portal.pages.metadata import is_article, page_metadata
from portal.pages.titles import book_title, title

LONGEST = 200  # characters of a description, of which search engines show about 160


def png(app: Sphinx, figure: Figure) -> Path:
    return Path(app.srcdir, f"{figure.stem}.png")


def drawing(app: Sphinx, doctree: nodes.document) -> Figure | None:
    """The first figure that a page shows and that is a PNG, too."""
    shown = (node["drawn"] for node in doctree.findall(versions))
    return next((figure for figure in shown if png(app, figure).is_file()), None)


def picture(
    app: Sphinx, docname: str, name: str, book: str, figure: Figure | None
) -> dict[str, str]:
    """Address and alternative text of the card, if there is a figure for it."""
    address = f"_cards/{docname}.png"
    if figure is None:
        Path(app.outdir, address).unlink(missing_ok=True)
        return {}
    from portal.frame import link_preview  # Pillow: only where pages are written

    file = Path(app.outdir, address)
    link_preview.draw(name, book, app.config.project, png(app, figure), file)
    return {
        "og:image": urljoin(app.config.html_baseurl, address),
        "og:image:alt": read(app.env, figure)["alt"],
    }


def article(app: Sphinx, docname: str, doctree: nodes.document) -> dict[str, str]:
    """The fields from which the preview of an article is made."""
    name = title(app.env, docname)
    book = book_title(app.env, docname.partition("/")[0])
    return {
        "og:type": "article",
        "og:title": f"{name} · {book}",
        "og:description": page_metadata(app.env, docname).summary,
        **picture(app, docname, name, book, drawing(app, doctree)),
    }


def other(app: Sphinx, docname: str, doctree: nodes.document) -> dict[str, str]:
    """The same of another page, which its first paragraph describes."""
    first = next(doctree.findall(nodes.paragraph), None)
    text = first.astext() if first else ""
    return {
        "og:type": "website",
        "og:title": title(app.env, docname),
        "og:description": textwrap.shorten(text, LONGEST, placeholder=" …"),
    }


def add(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: nodes.document | None,
) -> None:
    if app.builder.name != "html":
        return
    fields = {}
    if doctree:
        describe = article if is_article(pagename) else other
        fields = describe(app, pagename, doctree)
        fields["og:url"] = context["pageurl"]
        fields["og:site_name"] = app.config.project
    context["metatags"] = context.get("metatags", "") + render(
        "head.html",
        fields={name: value for name, value in fields.items() if value},
        text=f"{Path(pagename).name}.txt" if doctree else None,
        feeds=[
            (feed.title(app, place), context["pathto"](place, resource=True))
            for place in feed.of_page(app, pagename)
        ],
    )


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add, priority=Context.PAGE)
