"""``.. gallery-figure:: book.page 2`` shows the second figure of a page's script.

The figure comes in its light and its dark version; the browser loads the one it shows.
Alternative text and size come from the script. The first paragraph of the content is
the caption, what follows it the legend, as with ``figure``. The
figure links to the page of its script in the gallery. An animation yields to its last
frame where a reader prefers reduced motion, and in print.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from portal.text.hint import hint

STILL = "(prefers-reduced-motion: reduce), print"


class versions(nodes.General, nodes.Element):
    """All versions of a figure; a link to the page of its script, ``target``."""


class picture(nodes.General, nodes.Inline, nodes.Element):
    """One version of a figure; holds a still, if animated, and the image."""


class picture_image(nodes.image):
    """An image of a ``picture``; Sphinx collects it as it does any other."""


def files(page: str, number: int) -> str:
    """Path of a figure's files below the source folder, without their ending.

    >>> files("attention.rope", 2)
    'gallery/attention/images/sphx_glr_plot_rope_002'
    """
    book, _, name = page.partition(".")
    return f"gallery/{book}/images/sphx_glr_plot_{name}_{number:03}"


def known(source: Path) -> Iterator[str]:
    """The figures of all scripts, each as ``book.page 2``."""
    for path in sorted(source.glob("gallery/*/images/sphx_glr_plot_*.json")):
        page, number = re.fullmatch(r"sphx_glr_plot_(.+)_(\d+)", path.stem).groups()
        yield f"{path.parts[-3]}.{page} {int(number)}"


def find(env: BuildEnvironment, page: str, number: str) -> tuple[str, dict]:
    """Path of a figure's files, and what its script says of it.

    Raises
    ------
    LookupError
        If there is no such figure; the message names those that are like it.
    """
    stem = files(page, int(number)) if number.isdecimal() else ""
    path = Path(env.srcdir, f"{stem}.json")
    if not path.is_file():
        figures = list(known(Path(env.srcdir)))
        own = [figure for figure in figures if figure.startswith(f"{page} ")]
        wrong = f"{page} {number}"
        like = f"choose from {', '.join(own)}" if own else hint(wrong, figures)
        raise LookupError(f"no figure {wrong}; {like}")
    env.note_dependency(path)
    return stem, json.loads(path.read_text())


def pictures(stem: str, about: dict) -> list[picture]:
    """The light and the dark version of one figure."""
    made, animated = [], about["frames"] > 1
    for theme, drawing in (("light", f"/{stem}.svg"), ("dark", f"/{stem}_dark.svg")):
        main = f"/{stem}_{theme}.png" if animated else drawing
        version = picture("", theme=theme)
        if animated:
            version += picture_image("", uri=drawing, media=STILL)
        version += picture_image(
            "",
            uri=main,
            alt=about["alt"],
            pixels=(about["width"], about["height"]),
        )
        made.append(version)
    return made


def one_line(text: str) -> str:
    """A name; ``ValueError`` if it goes on, as where a caption is indented less."""
    if "\n" in directives.unchanged_required(text):
        raise ValueError("a name is one line: put a blank line before the caption")
    return text


class GalleryFigure(SphinxDirective):
    required_arguments = 2
    has_content = True
    option_spec: ClassVar = {"name": one_line}

    def run(self) -> list[nodes.Node]:
        page, number = self.arguments
        try:
            stem, about = find(self.env, page, number)
        except LookupError as problem:
            raise self.error(str(problem)) from problem
        book, _, name = page.partition(".")
        shown = versions("", *pictures(stem, about))
        shown["target"] = f"gallery/{book}/plot_{name}"
        figure = nodes.figure("", shown, classes=["gallery-figure"])
        self.set_source_info(figure)
        for node in figure.findall(picture_image):
            self.set_source_info(node)
        figure += self._text()
        self.add_name(figure)
        return [figure]

    def _text(self) -> list[nodes.Node]:
        """The caption and the legend."""
        first, *rest = self.parse_content_to_nodes() or [None]
        if first is None:
            return []
        if not isinstance(first, nodes.paragraph):
            raise self.error(
                "the text of a figure begins with a paragraph, its caption"
            )
        caption = nodes.caption(first.rawsource, "", *first.children)
        caption.source, caption.line = first.source, first.line
        return [caption, nodes.legend("", *rest)] if rest else [caption]


def visit_versions(self: HTML5Translator, node: versions) -> None:
    here = self.builder.current_docname
    if here != node["target"]:
        uri = self.builder.get_relative_uri(here, node["target"])
        self.body.append(self.starttag(node, "a", "", href=uri))


def depart_versions(self: HTML5Translator, node: versions) -> None:
    if self.builder.current_docname != node["target"]:
        self.body.append("</a>")


def visit_picture(self: HTML5Translator, node: picture) -> None:
    self.body.append(self.starttag(node, "picture", "", CLASS=f"only-{node['theme']}"))


def depart_picture(self: HTML5Translator, node: picture) -> None:
    self.body.append("</picture>")


def visit_image(self: HTML5Translator, node: picture_image) -> None:
    name = self.builder.images[node["uri"]]
    uri = f"{self.builder.imgpath}/{name}"
    if "media" in node:
        attributes = {"media": node["media"], "srcset": uri}
        self.body.append(self.emptytag(node, "source", "", **attributes))
    else:
        width, height = node["pixels"]
        self.body.append(
            self.emptytag(
                node,
                "img",
                "",
                src=uri,
                alt=node["alt"],
                width=width,
                height=height,
                loading="lazy",
            )
        )
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_node(versions, html=(visit_versions, depart_versions))
    app.add_node(picture, html=(visit_picture, depart_picture))
    app.add_node(picture_image, html=(visit_image, None))
    app.add_directive("gallery-figure", GalleryFigure)
