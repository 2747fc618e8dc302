"""``make epub``: the whole portal as an EPUB that readers without scripts show well.

It is Sphinx's own builder, and what a book needs beyond it: math is MathML, which the
package must declare for each file, like drawings with links; figures come in their
light version, an animation as its still; answers stand open, since not every reader can
open them; files of the repository are not offered; and the style sheet is
``_static/epub.css``, in place of that of Sphinx's theme.
"""

from pathlib import Path

from docutils import nodes
from lxml import etree
from sphinx.application import Sphinx
from sphinx.builders.epub3 import Epub3Builder

from portal.article.figure import picture, picture_frames, versions
from portal.article.widget import controls, widget
from portal.guide.book_map import drawing
from portal.order import Resolved
from portal.outputs.archive import pack


class Book(Epub3Builder):
    """Sphinx's builder, with a manifest that says which files hold MathML and SVG."""

    def build_content(self) -> None:
        super().build_content()
        file = str(Path(self.outdir, "content.opf"))
        package = etree.parse(file)
        holds = {
            path.relative_to(self.outdir).as_posix(): held(path.read_text("utf-8"))
            for path in Path(self.outdir).rglob("*.xhtml")
        }
        declare(package, holds)
        package.write(file, encoding="utf-8", xml_declaration=True)

    def build_epub(self) -> None:
        name = f"{self.config.epub_basename}.epub"
        first = ["mimetype", "META-INF/container.xml", "content.opf", "toc.ncx"]
        outdir = Path(self.outdir)
        pack(outdir / name, outdir, [*first, *self.files])


def held(page: str) -> str:
    """What a page holds that its package must declare.

    >>> held("<math></math><svg></svg>"), held("<p></p>")
    ('mathml svg', '')
    """
    tags = {"mathml": "<math", "svg": "<svg"}
    return " ".join(name for name, tag in tags.items() if tag in page)


def declare(package: etree.ElementTree, holds: dict[str, str]) -> None:
    """Add to the package document the properties of each file.

    >>> package = etree.fromstring('<package><item href="a.xhtml"/></package>')
    >>> declare(package, {"a.xhtml": "svg"})
    >>> etree.tostring(package)
    b'<package><item href="a.xhtml" properties="svg"/></package>'
    """
    for item in package.iter("{*}item"):
        if properties := holds.get(item.get("href")):
            item.set("properties", properties)


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
        for frames in list(version.findall(picture_frames)):
            version.remove(frames)
    for shown in doctree.findall(versions):
        shown["film"] = False
    for found in list(doctree.findall(controls)):
        found.parent.remove(found)
    for shown in list(doctree.findall(widget)):
        shown.replace_self(shown.children)
    for source in list(doctree.findall(nodes.citation)):  # its role is deprecated
        text = source.children[1:]
        box = nodes.container("", *text, ids=source["ids"], classes=["citation"])
        source.replace_self(box)
    for files in list(doctree.findall(nodes.inline)):
        if "page-files" in files["classes"]:  # a book carries none of them
            files.parent.remove(files)
    for version in list(doctree.findall(drawing)):
        if version["size"] == "narrow":
            version.parent.remove(version)
    for link in list(doctree.findall(nodes.reference)):
        if link.get("refuri", "").startswith("search."):  # a book has no such page
            link.parent.parent.remove(link.parent)
    if docname.startswith("gallery/"):
        for thumbnail in list(doctree.findall(nodes.raw)):  # has attributes of its own
            thumbnail.parent.remove(thumbnail)


def setup(app: Sphinx) -> None:
    app.add_builder(Book, override=True)
    app.connect("doctree-resolved", simplify, priority=Resolved.EPUB)
