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


def parting(shown: list[str], run: list[str]) -> int:
    """How many doctest examples a page and pytest have in common, from the first on.

    >>> parting(["1 + 1", "3"], ["1 + 1", "2", "3"])
    1
    """
    pairs = enumerate(zip_longest(shown, run))
    return next((n for n, (ours, theirs) in pairs if ours != theirs), len(run))


def check_examples(article: Path, shown: list[str]) -> None:
    """Warn where pytest runs other doctest examples than the page shows."""
    run = parser.get_examples(article.read_text("utf-8"))
    common = parting(shown, [example.source for example in run])
    if common == len(run) == len(shown):
        return
    line = run[min(common, len(run) - 1)].lineno + 1 if run else 1
    logger.warning(
        "untested code: the page shows %d doctest examples, but pytest runs %d; "
        "they differ from here on: put each into a block of its own",
        len(shown),
        len(run),
        location=f"{article}:{line}",
        type="code",
    )


def check(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    if docname.startswith("gallery/"):
        return
    snippets = Path(app.confdir, "snippets").resolve()
    shown = []
    for block in blocks(doctree):
        if reason := problem(block, snippets):
            logger.warning("untested code: %s", reason, location=block, type="code")
        if "snippet" not in block["classes"] and block.get("language") not in INERT:
            shown += [example.source for example in parser.get_examples(block.astext())]
    messages = doctree.findall(nodes.system_message)
    if not any(message["level"] > 1 for message in messages):  # else code is missing
        check_examples(Path(app.env.doc2path(docname)), shown)


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", check)
