"""Every document has a title and stands in a table of contents, or is an ``:orphan:``.

Sphinx says so without naming the file to edit, and once for each page that would show
the title; ``conf.py`` suppresses that. Tables of contents in a circle end the build.
"""

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from portal.order import Updated

logger = logging.getLogger(__name__)


def index_of(docname: str, root: str) -> str:
    """The document whose table of contents should list another.

    >>> [index_of(name, "index") for name in ("attention/rope", "attention/index", "a")]
    ['attention/index', 'index', 'index']
    """
    book, _, page = docname.rpartition("/")
    return root if page in ("index", docname) else f"{book}/index"


def branch(env: BuildEnvironment, top: str) -> Iterator[str]:
    """``top`` and the documents below it in the table of contents."""
    yield top
    for child in env.toctree_includes.get(top, []):
        yield from branch(env, child)


def unlisted(env: BuildEnvironment) -> list[str]:
    """The documents that no other lists or includes."""
    found = env.found_docs - env.files_to_rebuild.keys() - {env.config.root_doc}
    found = found.difference(*env.included.values())
    return sorted(name for name in found if "orphan" not in env.metadata[name])


def untitled(env: BuildEnvironment) -> list[str]:
    """The documents whose first heading is missing."""
    return sorted(name for name in env.found_docs if not env.tocs[name].children)


def end_circle(app: Sphinx, env: BuildEnvironment) -> None:
    """End the build where tables of contents list each other: nothing can walk them."""
    try:
        TopologicalSorter(env.toctree_includes).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        text = f"toctrees in a circle: {' -> '.join(circle)}; drop one of these entries"
        logger.error("%s", text, location=f"{env.doc2path(circle[0])}:1", type="toc")
        raise SystemExit(1) from error


def check(app: Sphinx, env: BuildEnvironment) -> None:
    for name in untitled(env):
        text = "no title: write one below the fields, underlined with ="
        logger.warning("%s", text, location=f"{env.doc2path(name)}:1", type="toc")
    for name in unlisted(env):
        index = index_of(name, env.config.root_doc)
        entry = name.removeprefix(index.removesuffix("index"))
        there = Path(env.doc2path(index)).relative_to(app.confdir)
        text = f"no table of contents lists it: add `{entry}` to the toctree of {there}"
        logger.warning("%s", text, location=f"{env.doc2path(name)}:1", type="toc")


def setup(app: Sphinx) -> None:
    app.connect("env-updated", end_circle, priority=Updated.CIRCLES)
    app.connect("env-check-consistency", check)
