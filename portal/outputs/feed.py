"""Atom feeds of the articles that changed last: ``feed.xml``, and one of each book.

An entry is a page; its dates are those of the first and the last commit to any of its
four files, and its id stays the same wherever the site is published. Without a history
there is no feed.
"""

import uuid
from collections import defaultdict
from pathlib import Path

from feedgen.feed import FeedGenerator
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.pages import titles
from portal.pages.history import newest_first
from portal.pages.metadata import articles, page_metadata
from portal.pages.rewrite import changed

NAMESPACE = uuid.UUID("5e0c3c9e-5d3c-4c83-9e52-0b4a4a3f7c1d")  # never changes
LONGEST = 30


def identity(name: str) -> str:
    """The id of a page or feed.

    >>> identity("attention/rope") == identity("attention/rope")
    True
    """
    return uuid.uuid5(NAMESPACE, name).urn


def places(app: Sphinx) -> dict[str, list[str]]:
    """Where the feeds lie, and the pages of each."""
    found = defaultdict(list)
    for name in articles(app.env):
        if app.env.portal_commits.get(name):
            found["feed.xml"].append(name)
            found[f"{name.partition('/')[0]}/feed.xml"].append(name)
    return found


def of_page(app: Sphinx, docname: str) -> list[str]:
    """The feeds that a page announces: that of the portal, and that of its book."""
    wanted = ("feed.xml", f"{docname.partition('/')[0]}/feed.xml")
    return [place for place in wanted if place in app.env.portal_feeds]


def title(app: Sphinx, place: str) -> str:
    book = place.rpartition("/")[0]
    name = app.config.project
    return f"{name}: {titles.book_title(app.env, book)}" if book else name


def feed(app: Sphinx, place: str, names: list[str]) -> bytes:
    """The feed at ``place``; the page that changed last comes first."""
    base, commits = app.config.html_baseurl.rstrip("/"), app.env.portal_commits
    newest = [name for name, _ in newest_first(app.env, 0) if name in names]
    made = FeedGenerator()
    made.id(identity(place))
    made.title(title(app, place))
    made.author(name=app.config.author)
    made.generator(app.config.project)
    made.link(href=f"{base}/{place}", rel="self")
    made.link(href=f"{base}/{place.removesuffix('feed.xml')}index.html")
    made.updated(commits[newest[0]][0].moment)
    for name in newest[:LONGEST]:
        entry = made.add_entry(order="append")
        entry.id(identity(name))
        entry.title(titles.title(app.env, name))
        entry.link(href=f"{base}/{app.builder.get_target_uri(name)}")
        entry.summary(page_metadata(app.env, name).summary)
        entry.published(commits[name][-1].moment)
        entry.updated(commits[name][0].moment)
    return made.atom_str(pretty=True)


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.name == "html":
        for place, names in places(app).items():
            Path(app.outdir, place).write_bytes(feed(app, place, names))


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """The pages that announce other feeds than before."""
    env.portal_feeds = set(places(app))
    return changed(env, "feeds", {name: of_page(app, name) for name in env.found_docs})


def setup(app: Sphinx) -> None:
    app.connect("env-updated", rewrite)
    app.connect("build-finished", write)
