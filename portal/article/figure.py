"""``.. gallery-figure:: page.figure`` shows the figure of ``plot_page_figure.py``.

A second figure of that script is called ``page.figure 2``. Each comes
in its light and its dark version; the browser loads the one it shows.
Alternative text and size come from the script. The first paragraph of the content is
the caption, what follows it the legend, as with ``figure``. The
figure links to the page of its script in the gallery. Of an animation it is the last
frame, with a ``film`` of all frames to play: see ``widgets/film.js``. On a phone it is
as wide as its smallest text needs, and scrolls.
"""

import math
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

from portal.article.figure_files import find, read
from portal.article.widget import film
from portal.evidence.files import Figure

STEP = 40  # pixels, between the least widths that the style sheet knows


class versions(nodes.General, nodes.Element):
    """All versions of a figure; a link to the page of its script, ``target``."""


class picture(nodes.General, nodes.Inline, nodes.Element):
    """One version of a figure; holds the image, and the frames if it is animated."""


class picture_image(nodes.image):
    """The image of a ``picture``; Sphinx collects it as it does any other."""


class picture_frames(nodes.image):
    """All frames of an animation in one file, which a ``film`` loads."""


def pictures(figure: Figure, about: dict) -> list[picture]:
    """The light and the dark version of one figure."""
    made, stem = [], figure.stem
    for theme, drawing in (("light", f"/{stem}.svg"), ("dark", f"/{stem}_dark.svg")):
        image = picture_image(
            "",
            uri=drawing,
            alt=about["alt"],
            pixels=(about["width"], about["height"]),
            classes=[f"needs-{math.ceil(about['needs'] / STEP) * STEP}"],
        )
        made.append(picture("", image, theme=theme))
        if about["frames"] > 1:
            name = f"/{stem}_{theme}.png"
            made[-1] += picture_frames("", uri=name, alt="", frames=about["frames"])
    return made


def one_line(text: str) -> str:
    """A name; ``ValueError`` if it goes on, as where a caption is indented less."""
    if "\n" in directives.unchanged_required(text):
        raise ValueError("a name is one line: put a blank line before the caption")
    return text


class GalleryFigure(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec: ClassVar = {"name": one_line}

    def run(self) -> list[nodes.Node]:
        try:
            drawn = find(self.env, self.arguments[0])
        except LookupError as problem:
            raise self.error(str(problem)) from problem
        about = read(self.env, drawn)
        shown = versions("", *pictures(drawn, about), drawn=drawn)
        shown["film"] = about["frames"] > 1
        shown["target"] = f"gallery/{drawn.book}/{drawn.script}"
        figure = nodes.figure("", shown, classes=["gallery-figure"])
        self.set_source_info(figure)
        for node in figure.findall(nodes.image):
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
    if node["film"]:
        self.body.append(film(self))


def visit_picture(self: HTML5Translator, node: picture) -> None:
    self.body.append(self.starttag(node, "picture", "", CLASS=f"only-{node['theme']}"))


def depart_picture(self: HTML5Translator, node: picture) -> None:
    self.body.append("</picture>")


def visit_image(self: HTML5Translator, node: picture_image) -> None:
    def file(uri: str) -> str:
        return f"{self.builder.imgpath}/{self.builder.images[uri]}"

    width, height = node["pixels"]
    attributes = {"src": file(node["uri"]), "alt": node["alt"], "loading": "lazy"}
    if frames := node.next_node(picture_frames, siblings=True):
        attributes["data-film"] = file(frames["uri"])
        attributes["data-frames"] = str(frames["frames"])
    self.body.append(
        self.emptytag(node, "img", "", width=width, height=height, **attributes)
    )
    raise nodes.SkipNode


def skip(self: HTML5Translator, node: nodes.Element) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_node(versions, html=(visit_versions, depart_versions))
    app.add_node(picture, html=(visit_picture, depart_picture))
    app.add_node(picture_image, html=(visit_image, None))
    app.add_node(picture_frames, html=(skip, None))
    app.add_directive("gallery-figure", GalleryFigure)
