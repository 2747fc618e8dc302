"""A sidebar collapsed to the current branch, right on every page.

furo renders the whole table of contents into each page, which grows with the square of
the site; here each page carries its own branch only. A book without pages is marked as
planned. When a page is added, renamed or removed, the pages that show it in their
sidebar, or as the page before or after, are written again.
"""

import hashlib
import re
from collections.abc import Iterable

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.order import Context
from portal.pages.rewrite import changed
from portal.pages.titles import title
from portal.pages.toctree import branch

PLANNED = r'\1 <span class="planned">planned</span></a>'


def planned(env: BuildEnvironment, name: str) -> bool:
    """Whether this is the first page of a book that has no other."""
    return name.endswith("/index") and not env.toctree_includes.get(name)


def collapse(app: Sphinx, pagename: str, _: str, context: dict, *__: object) -> None:
    if "toctree" not in context:
        return
    whole = context["toctree"]
    tops = app.env.toctree_includes.get(app.config.root_doc, [])
    uris = [
        app.builder.get_relative_uri(pagename, name) or "#"
        for name in tops
        if planned(app.env, name)
    ]

    def tree(**options: object) -> str:
        html = whole(**{**options, "collapse": True})
        for uri in uris:
            link = rf'(<a [^>]*href="{re.escape(uri)}">[^<]*)</a>'
            html = re.sub(link, PLANNED, html)
        return html

    context["toctree"] = tree


def digest(env: BuildEnvironment, documents: Iterable[str | None]) -> str:
    """A digest of what the sidebar says of those documents that there are."""
    shown = [
        (name, title(env, name), planned(env, name))
        for name in documents
        if name in env.titles
    ]
    return hashlib.sha256(repr(shown).encode()).hexdigest()


def views(env: BuildEnvironment) -> dict[str, list[str]]:
    """The titles of other pages that each page shows.

    They are those of the first level, of the branches it is in, and of the pages before
    and after it.
    """
    tops = env.toctree_includes.get(env.config.root_doc, [])
    found = {name: [digest(env, tops)] for name in env.found_docs}
    for top in tops:
        inside = [name for name in branch(env, top) if name in found]
        shown = digest(env, inside)
        for name in inside:
            found[name].append(shown)
    for name, (_, *neighbors) in env.collect_relations().items():
        if name in found:
            found[name].append(digest(env, neighbors))
    return found


def outdated(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """Documents whose table of contents lists a page that is gone."""
    listed = env.toctree_includes.items()
    return [name for name, pages in listed if not removed.isdisjoint(pages)]


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents to write again because their sidebar or a neighbor changed."""
    return changed(env, "navigation", views(env))


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", collapse, priority=Context.SIDEBAR)
    app.connect("env-get-outdated", outdated)
    app.connect("env-updated", rewrite)
