r"""Math is set by KaTeX while the page is built; no script runs on the page.

One writes Sphinx's own markup::

    Scores have variance :math:`d`, so we divide by the root:

    .. math:: \frac{q^\top k}{\sqrt{d}}
       :label: scaled-score

    Equation :eq:`scaled-score` ...

Blank lines separate the equations of one block, ``\\`` its rows, ``&`` aligns them;
``:no-wrap:`` takes the TeX as it is. ``katex_macros = {r"\norm": r"\lVert #1 \rVert"}``
in ``conf.py`` defines commands. TeX that KaTeX does not accept is a warning of type
``math.katex``. In an EPUB it is MathML alone.
"""

import json
import re
from textwrap import shorten

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.util.nodes import traverse_parent
from sphinx.util.typing import ExtensionMetadata
from sphinx.writers.html5 import HTML5Translator

from portal.article import katex
from portal.article.katex import TeXError, render
from portal.order import Context, Read

CSS = "katex/katex.min.css"
FONTS = ("Main-Core", "Math-Letters")  # on every page with math

MARK = re.compile(r"[.,;:!?)]+")

# So that letters are there when the page is first drawn, and none moves later.
PRELOAD = '<link rel="preload" href="{}" as="font" type="font/woff2" crossorigin>\n'

logger = logging.getLogger(__name__)


def lay_out(tex: str) -> str:
    r"""One formula of the equations and rows of a block.

    Sphinx's own ``wrap_displaymath`` numbers equations and puts ``split`` around each:
    larger pages, and TeX that nobody wrote in what a reader copies.

    >>> print(lay_out(r"a = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}"))
    a = \begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}
    >>> print(lay_out(r"a &= b \\ &= c"))
    \begin{aligned}
    a &= b \\ &= c
    \end{aligned}
    >>> print(lay_out("a = b\n\nc = d"))
    \begin{gathered}
    a = b
    \\
    c = d
    \end{gathered}
    """
    equations = (part.strip() for part in re.split(r"\n\s*\n", tex))
    rows = "\n\\\\\n".join(part for part in equations if part)
    outer = outermost(rows)
    if "&" in outer:
        return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"
    if r"\\" in outer:
        return f"\\begin{{gathered}}\n{rows}\n\\end{{gathered}}"
    return rows


def outermost(tex: str) -> set[str]:
    r"""The separators ``&`` and ``\\`` that stand outside of braces and environments.

    >>> outermost(r"\substack{a \\ b} & c")
    {'&'}
    """
    depth = 0
    found = set()
    for token in re.findall(r"\\begin\b|\\end\b|\\.|[{}&]", tex, re.DOTALL):
        if token in (r"\begin", "{"):
            depth += 1
        elif token in (r"\end", "}"):
            depth -= 1
        elif token in ("&", r"\\") and depth == 0:
            found.add(token)
    return found


def place(node: nodes.Element) -> str:
    """``file:line`` of math; docutils gives inline nodes no line of their own."""
    block = next((parent for parent in traverse_parent(node) if parent.line), node)
    start = end = 0
    for math in block.findall(nodes.math):
        start = max(end, block.rawsource.find(math.rawsource, end))
        if math is node:
            break
        end = start + len(math.rawsource)
    line = (block.line or 1) + block.rawsource.count("\n", 0, start)
    if isinstance(block, nodes.title) and isinstance(block.parent, nodes.section):
        line -= 1  # docutils has the line of the underline
    sources = (parent.source for parent in traverse_parent(node) if parent.source)
    return f"{next(sources, '<unknown>')}:{line}"


def formula(writer: HTML5Translator, node: nodes.Element, tex: str) -> str:
    """HTML of a formula, or a warning and its TeX."""
    macros = json.dumps(writer.config.katex_macros)
    display = isinstance(node, nodes.math_block)
    output = "mathml" if writer.builder.name == "epub" else "htmlAndMathml"
    try:
        return render(tex, display=display, macros=macros, output=output)
    except TeXError as problem:
        logger.warning(
            "KaTeX: %s, in %s",
            problem,
            shorten(tex, 200),
            location=place(node),
            type="math",
            subtype="katex",
        )
        return f"<code>{writer.encode(tex)}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    html = formula(self, node, "".join(node.findall(nodes.Text)))
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate"))
    self.body.append(f"{html}</span>")
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    tex = node.astext() if node.get("no-wrap") else lay_out(node.astext())
    wrapped = node["ids"] == node.parent["ids"]  # furo's wrapper takes the ids over
    attributes = {"classes": node["classes"], "ids": [] if wrapped else node["ids"]}
    self.body.append(self.starttag(attributes, "div", CLASS="math notranslate"))
    if node.get("number"):
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append(f"{formula(self, node, tex)}</div>\n")
    raise nodes.SkipNode


def keep_marks(app: Sphinx, doctree: nodes.document) -> None:
    """Bind the mark after a formula to it, so that no line begins with a comma."""
    for node in list(doctree.findall(nodes.math)):
        after = node.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (mark := MARK.match(after)):
            together = nodes.inline(classes=["math-and-mark"])
            place, parent = node.parent.index(node), node.parent
            parent[place : place + 2] = [together, nodes.Text(after[mark.end() :])]
            together += [node, nodes.Text(mark[0])]


def check_files(app: Sphinx) -> None:
    if not katex.SCRIPT.is_file():
        raise ExtensionError(f"{katex.SCRIPT} is missing: run python vendor/update.py")


def add_files(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree
) -> None:
    if 'class="katex' in context.get("body", "") and app.builder.name != "epub":
        app.builder.add_css_file(CSS)
        for name in FONTS:
            uri = context["pathto"](f"_static/katex/fonts/KaTeX_{name}.woff2", 1)
            context["metatags"] = context.get("metatags", "") + PRELOAD.format(uri)


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_config_value("katex_macros", {}, "html", types=frozenset({dict}))
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_block, None))
    app.connect("builder-inited", check_files)
    app.connect("doctree-read", keep_marks, priority=Read.MATH)
    app.connect("html-page-context", add_files, priority=Context.MATH)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
