"""No code of an article escapes testing.

Every literal block is a doctest that pytest runs, a ``snippet``, an include of a file
below ``snippets/``, or in a language that is named inert. Anything else is a warning
with file and line, which stops the build. What stands in a directive with a mistake is
reported as that mistake alone.
"""

import doctest
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.nodes import get_node_source, traverse_parent

from portal.order import Read

INERT = {"bash", "bibtex", "console", "json", "none", "rst", "text", "toml", "yaml"}
PYTHON = {"default", "pycon", "pycon3", "python", "python3"}

NEEDED = "write `>>> ` before it, or show it by a snippet"

logger = logging.getLogger(__name__)
parser = doctest.DocTestParser()


def untested(text: str) -> str:
    """Why Python text is not a doctest throughout; empty if it is.

    >>> untested(">>> 1 + 1\\n2")
    ''
    >>> untested("x = 1")
    'Python that is not a doctest: write `>>> ` before it, or show it by a snippet'
    """
    if re.search(r"#\s*doctest:.*\+SKIP", text):
        return "a skipped doctest: let it run, or remove it"
    for paragraph in re.split(r"\n\s*\n", text.strip("\n")):
        if not paragraph.lstrip().startswith(">>> "):
            return f"Python that is not a doctest: {NEEDED}"
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
        return "" if inside else "included from outside snippets/: move it there"
    if language not in PYTHON:
        inert = ", ".join(sorted(INERT))
        return f"nothing tests {language!r}: write a doctest, or one of {inert}"
    return untested(block.astext())


def blocks(node: nodes.Element) -> Iterator[nodes.Element]:
    """The code blocks of a page, without those that quote a mistake."""
    if isinstance(node, nodes.literal_block | nodes.doctest_block):
        yield node
    elif not isinstance(node, nodes.system_message):
        for child in node.children:
            if isinstance(child, nodes.Element):
                yield from blocks(child)


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


def check_examples(file: Path, shown: list[tuple[str, str]]) -> None:
    """Warn where pytest runs other doctest examples than the page shows."""
    run = [
        (example.source, f"{file}:{example.lineno + 1}")
        for example in parser.get_examples(file.read_text("utf-8"))
    ]
    for where in differing(shown, run):
        logger.warning(
            "untested code: the page shows %d doctest examples, but pytest runs %d; "
            "this one is not in both: give each a block of its own, outside tables "
            "and comments",
            len(shown),
            len(run),
            location=where,
            type="code",
        )


def check(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    if docname.startswith("gallery/"):
        return
    snippets = Path(app.confdir, "snippets").resolve()
    shown: list[tuple[str, str]] = []
    for block in blocks(doctree):
        if reason := problem(block, snippets):
            logger.warning(
                "untested code: %s", reason, location=place(block), type="code"
            )
        if "snippet" not in block["classes"] and block.get("language") not in INERT:
            examples = parser.get_examples(block.astext())
            shown += [(example.source, place(block)) for example in examples]
    messages = doctree.findall(nodes.system_message)
    if not any(message["level"] > 1 for message in messages):  # else code is missing
        check_examples(Path(app.env.doc2path(docname)), shown)


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", check, priority=Read.GUARDS)
