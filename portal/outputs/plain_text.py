"""Every page as plain text beside it, ``book/page.txt``, for readers that are machines.

The text is made from what the page shows: math is TeX between dollar signs, a figure
its description, shapes stand behind their lines as comments, and links to elsewhere
show where they lead. ``llms.txt`` lists these texts, with the summary of each.
"""

import textwrap
from itertools import groupby
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers import text as sphinx_text
from sphinx.writers.text import MAXWIDTH, TextTranslator

from portal.article.figure import picture_image, versions
from portal.article.shapes import shaped_block
from portal.article.title_math import title_math
from portal.guide.neighbors import neighbors
from portal.order import Context
from portal.pages.citation import public_address
from portal.pages.history import last_date
from portal.pages.metadata import articles
from portal.pages.titles import book_title, title


class Narrow(textwrap.TextWrapper):
    """Sphinx's, for characters that are one column wide, as all of ASCII are.

    Sphinx looks up the width of each several times, which took a third of all.
    """

    wordsep_re = sphinx_text.TextWrapper.wordsep_re


def wrapped(text: str, width: int) -> str:
    if text.isascii():
        return "\n".join(Narrow(width).wrap(text))
    return "\n".join(sphinx_text.my_wrap(text, width))


class PlainText(TextTranslator):
    """Sphinx's writer of text, for the portal's own nodes too."""

    def end_state(self, wrap: bool = True, **options: object) -> None:
        if wrap:
            width, parts = MAXWIDTH - sum(self.stateindent), self.states[-1]
            self.states[-1] = []
            for is_text, run in groupby(parts, lambda part: part[0] == -1):
                if is_text:
                    self.add_text(wrapped("".join(text for _, text in run), width))
                else:
                    self.states[-1] += run
        super().end_state(wrap=False, **options)

    def unknown_visit(self, node: nodes.Node) -> None:
        """Boxes of which a text shows the content."""

    def unknown_departure(self, node: nodes.Node) -> None:
        pass

    def visit_math(self, node: nodes.math) -> None:
        self.add_text(f"${node.astext()}$")
        raise nodes.SkipNode

    def visit_title_math(self, node: title_math) -> None:
        self.add_text(node.astext())
        raise nodes.SkipNode

    def visit_math_block(self, node: nodes.math_block) -> None:
        number = f"  ({node['number']})" if node.get("number") else ""
        self.verbatim(f"$$\n{node.astext()}\n$${number}")

    def visit_shaped_block(self, node: shaped_block) -> None:
        lines = zip(node.astext().splitlines(), node["shapes"], strict=False)
        shown = [f"{line}  # {'; '.join(s)}" if s else line for line, s in lines]
        self.verbatim(
            "\n".join(
                [f"# with the shapes that each line bound in {node['call']}", *shown]
            )
        )

    def visit_code_links_block(self, node: nodes.Element) -> None:
        self.verbatim(node["code"])

    def visit_versions(self, node: versions) -> None:
        images = node.findall(picture_image)
        alt = next(image["alt"] for image in images if "alt" in image)
        self.new_state()
        self.add_text(f"[Figure: {alt}]")
        self.end_state()
        raise nodes.SkipNode

    def visit_paragraph(self, node: nodes.paragraph) -> None:
        if "snippet-file" in node["classes"]:
            raise nodes.SkipNode
        super().visit_paragraph(node)

    def visit_admonition(self, node: nodes.admonition) -> None:
        if "claim-bands" in node["classes"]:
            raise nodes.SkipNode  # for the build; reproductions.json has them
        super().visit_admonition(node)

    def visit_table(self, node: nodes.table) -> None:
        if "squares" in node["classes"]:
            raise nodes.SkipNode  # links alone
        super().visit_table(node)

    def visit_neighbors(self, node: neighbors) -> None:
        raise nodes.SkipNode  # llms.txt has what leads from page to page

    def depart_reference(self, node: nodes.reference) -> None:
        address = node.get("refuri", "")
        if address.startswith("http") and address not in node.astext():
            self.add_text(f" <{address}>")

    def verbatim(self, text: str) -> None:
        self.new_state()
        self.add_text(text)
        self.end_state(wrap=False)
        raise nodes.SkipNode


def text(app: Sphinx, docname: str, doctree: nodes.document) -> str:
    """A page as text; the first line says where it is from, and when."""
    translator = PlainText(doctree, app.builder)
    doctree.walkabout(translator)
    said = (app.config.project, last_date(app.env, docname))
    origin = ", ".join(filter(None, [*said, public_address(app, docname)]))
    return f"{origin}\n\n{translator.body}"


def write(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: nodes.document | None,
) -> None:
    if doctree is not None and app.builder.name == "html":
        file = Path(app.outdir, f"{pagename}.txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(app, pagename, doctree), "utf-8")


def listing(app: Sphinx) -> str:
    """What ``llms.txt`` says."""
    base = app.config.html_baseurl.rstrip("/")
    lines = [f"# {app.config.project}", "", f"> {app.config.epub_description}"]
    shown = ""
    for name, page in articles(app.env).items():
        book = name.partition("/")[0]
        if book != shown:
            lines += ["", f"## {book_title(app.env, book)}", ""]
            shown = book
        text = f"{base}/{name}.txt"
        lines.append(f"- [{title(app.env, name)}]({text}): {page.summary}")
    return "\n".join([*lines, ""])


def write_listing(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        Path(app.outdir, "llms.txt").write_text(listing(app), "utf-8")


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", write, priority=Context.PAGE)
    app.connect("build-finished", write_listing)
