"""What to read before a page and what after it, from the fields of all articles."""

from collections.abc import Iterator, Mapping

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.pages.metadata import Metadata, articles, warn
from portal.pages.toctree import branch

Graph = Mapping[str, tuple[str, ...]]


def graph(pages: Mapping[str, Metadata]) -> dict[str, tuple[str, ...]]:
    """The prerequisites of each page, those that exist."""
    return {
        name: tuple(other for other in page.prerequisites if other in pages)
        for name, page in pages.items()
    }


def in_reading_order(env: BuildEnvironment) -> dict[str, Metadata]:
    """The metadata of all articles, in the order of the table of contents."""
    pages = articles(env)
    order = dict.fromkeys(branch(env, env.config.root_doc))
    listed = {name: pages[name] for name in order if name in pages}
    return listed | pages


def followers(before: Graph) -> dict[str, list[str]]:
    """The pages that name each page as a prerequisite.

    >>> followers({"a": (), "b": ("a",), "c": ("a", "b")})
    {'a': ['b', 'c'], 'b': ['c'], 'c': []}
    """
    after: dict[str, list[str]] = {name: [] for name in before}
    for name, others in before.items():
        for other in others:
            after[other].append(name)
    return after


def way(before: Graph, name: str, seen: set[str] | None = None) -> Iterator[str]:
    """All that leads to a page, each page after its prerequisites, without the page.

    >>> list(way({"a": (), "b": ("a",), "c": ("a", "b")}, "c"))
    ['a', 'b']
    """
    seen = {name} if seen is None else seen
    for other in before[name]:
        if other not in seen:
            seen.add(other)
            yield from way(before, other, seen)
            yield other


def too_early(before: Graph) -> Iterator[tuple[str, str]]:
    """Each page that stands before a prerequisite in its book, and that prerequisite.

    Pages in a circle have no right order; the circle is reported instead.

    >>> list(too_early({"b/x": ("b/y", "c/z"), "b/y": (), "c/z": ()}))
    [('b/x', 'b/y')]
    >>> list(too_early({"b/x": ("b/y",), "b/y": ("b/x",)}))
    []
    """
    place = {name: number for number, name in enumerate(before)}
    for name, others in before.items():
        book, _, _ = name.partition("/")
        for other in others:
            late = other.startswith(f"{book}/") and place[name] < place[other]
            if late and name not in way(before, other):
                yield name, other


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Within a book, pages stand after those that they build on."""
    pages = in_reading_order(env)
    for name, other in too_early(graph(pages)):
        index = f"docs/{name.partition('/')[0]}/index.rst"
        problem = f"{index} lists it before its prerequisite {other}: move it below"
        warn(env, name, "prerequisites", problem)


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", check)
