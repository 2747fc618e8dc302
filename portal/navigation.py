"""A sidebar collapsed to the current branch, right on every page.

furo renders the whole table of contents into each page, which grows with the square of
the site; here each page carries its own branch only. When a page is added, renamed or
removed, the pages that show it in their sidebar are written again.
"""

import hashlib
from collections.abc import Iterator

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def collapse(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict,
    doctree: nodes.document | None,
) -> None:
    if "toctree" in context:
        whole = context["toctree"]
        context["toctree"] = lambda **options: whole(**{**options, "collapse": True})


def branch(env: BuildEnvironment, top: str) -> Iterator[str]:
    """``top`` and the documents below it in the table of contents."""
    yield top
    for child in env.toctree_includes.get(top, []):
        yield from branch(env, child)


def digest(env: BuildEnvironment, documents: list[str]) -> str:
    titles = [
        (name, env.titles[name].astext()) for name in documents if name in env.titles
    ]
    return hashlib.sha256(repr(titles).encode()).hexdigest()


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents to write again because their sidebar changed."""
    tops = list(env.toctree_includes.get(env.config.root_doc, []))
    branches = {top: list(branch(env, top)) for top in tops}
    new = {top: digest(env, names) for top, names in branches.items()}
    new[""] = digest(env, tops)
    old = getattr(env, "portal_sidebars", None)
    env.portal_sidebars = new
    if old is None:
        return []
    if old[""] != new[""]:
        return sorted(env.found_docs)
    changed = [top for top in tops if old.get(top) != new[top]]
    return sorted({name for top in changed for name in branches[top]})


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", collapse, priority=400)  # furo: 500
    app.connect("env-updated", rewrite)
