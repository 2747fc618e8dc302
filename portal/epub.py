"""``make epub``: the whole portal as an EPUB that readers without scripts show well.

It is Sphinx's own builder, and what a book needs beyond it: math is MathML, which the
package must declare for each file; figures come in their light version, an animation as
its still; answers stand open, since not every reader can open them; and the style sheet
is ``_static/epub.css`` instead of the site's.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder

from portal.archive import pack
from portal.gallery_figure import picture, picture_image


class Book(Epub3Builder):
    """Sphinx's builder, with a manifest that says which files hold MathML."""

    def build_content(self) -> None:
        super().build_content()
        package = Path(self.outdir, "content.opf")
        holds = {
            path.relative_to(self.outdir).as_posix()
            for path in Path(self.outdir).rglob("*.xhtml")
            if "<math" in path.read_text("utf-8")
        }
        package.write_text(declare(package.read_text("utf-8"), holds), "utf-8")

    def build_epub(self) -> None:
        name = f"{self.config.epub_basename}.epub"
        first = ["mimetype", "META-INF/container.xml", "content.opf", "toc.ncx"]
        outdir = Path(self.outdir)
        pack(outdir / name, outdir, [*first, *self.files])


def declare(package: str, holds: set[str]) -> str:
    """The package document, with the property of those files that hold MathML.

    >>> declare('<item id="1" href="a.xhtml" /><item href="b.xhtml" />', {"a.xhtml"})
    '<item id="1" href="a.xhtml" properties="mathml" /><item href="b.xhtml" />'
    """

    def item(found: re.Match) -> str:
        return (
            found[0][:-2] + 'properties="mathml" />' if found[1] in holds else found[0]
        )

    return re.sub(r'<item [^>]*href="([^"]*)"[^>]*/>', item, package)


def simplify(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Open the answers; show of each figure one light image that stands still."""
    if app.builder.name != "epub":
        return
    for answer in doctree.findall(nodes.Admonition):
        if "collapsible" in answer:
            answer["collapsible"] = "open"
    for version in list(doctree.findall(picture)):
        if version["theme"] == "dark":
            version.parent.remove(version)
        elif len(version) > 1:
            still, moving = version.findall(picture_image)
            still["alt"], still["pixels"] = moving["alt"], moving["pixels"]
            del still["media"]
            version.remove(moving)
    for source in list(doctree.findall(nodes.citation)):  # its role is deprecated
        text = source.children[1:]
        box = nodes.container("", *text, ids=source["ids"], classes=["citation"])
        source.replace_self(box)
    if docname.startswith("gallery/"):
        for thumbnail in list(doctree.findall(nodes.raw)):  # has attributes of its own
            thumbnail.parent.remove(thumbnail)


def setup(app: Sphinx) -> None:
    app.add_builder(Book, override=True)
    app.connect("doctree-resolved", simplify)
