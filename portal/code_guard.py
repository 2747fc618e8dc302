"""No code of an article escapes testing.

Every literal block is a doctest that pytest runs, a ``snippet``, an include of a file
below ``snippets/``, or in a language that is named inert. Anything else is a warning
with file and line, which stops the build.
"""

import doctest
import re
from itertools import zip_longest
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.nodes import get_node_source, traverse_parent

INERT = {"bash", "bibtex", "console", "json", "none", "rst", "text", "toml", "yaml"}
PYTHON = {"default", "pycon", "pycon3", "python", "python3"}

logger = logging.getLogger(__name__)
parser = doctest.DocTestParser()


def untested(text: str) -> str:
    """Why Python text is not a doctest throughout; empty if it is.

    >>> untested(">>> 1 + 1\\n2")
    ''
    >>> untested("x = 1")
    'Python that is not a doctest'
    """
    if re.search(r"#\s*doctest:.*\+SKIP", text):
        return "a skipped doctest"
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if not paragraph.lstrip().startswith(">>> "):
            return "Python that is not a doctest"
    return ""


def problem(block: nodes.Element, snippets: Path) -> str:
    """Why a code block would escape testing; empty if it does not."""
    included = block.get("source") or ""
    if "snippet" in block["classes"]:
        return ""
    if isinstance(block, nodes.doctest_block):
        return untested(block.astext())
    language = block.get("language", "default")
    if language in INERT:
        return ""
    if included.endswith(".py"):
        inside = Path(included).resolve().is_relative_to(snippets)
        return "" if inside else "included from outside snippets/"
    if language not in PYTHON:
        return f"language {language!r}: name an inert one, or write a doctest"
    return untested(block.astext())


def place(node: nodes.Node) -> str:
    """File and line of a node, also in the cell of a table, which knows no file."""
    lines = (one.line for one in traverse_parent(node) if one.line)
    return f"{get_node_source(node)}:{next(lines, 1)}"


def differing(shown: list[tuple[str, str]], run: list[tuple[str, str]]) -> list[str]:
    """The place of the first example that is not in both lists, in a list.

    >>> differing([("1", "a"), ("2", "b")], [("2", "c")]), differing([], [("1", "c")])
    (['a'], ['c'])
    """
    longer, shorter = (shown, run) if len(shown) >= len(run) else (run, shown)
    for (source, where), other in zip_longest(longer, shorter, fillvalue=("", "")):
        if source != other[0]:
            return [where]
    return []


def check(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    if docname.startswith("gallery/"):
        return
    snippets = Path(app.confdir, "snippets").resolve()
    shown: list[tuple[str, str]] = []
    for block in doctree.findall(
        lambda node: isinstance(node, nodes.literal_block | nodes.doctest_block)
    ):
        if reason := problem(block, snippets):
            logger.warning(
                "untested code: %s", reason, location=place(block), type="code"
            )
        if "snippet" not in block["classes"] and block.get("language") not in INERT:
            examples = parser.get_examples(block.astext())
            shown += [(example.source, place(block)) for example in examples]
    file = Path(app.env.doc2path(docname))
    run = [
        (example.source, f"{file}:{example.lineno + 1}")
        for example in parser.get_examples(file.read_text("utf-8"))
    ]
    for where in differing(shown, run):
        logger.warning(
            "untested code: the page shows %d doctest examples, pytest runs %d; this "
            "one is not in both: no doctest stands in a table or a comment",
            len(shown),
            len(run),
            location=where,
            type="code",
        )


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", check)
