"""What a page says of itself: a list of fields at the very top of its article. ::

    :summary: One sentence of at most 160 characters, without markup.
    :level: introductory
    :prerequisites: attention/self_attention, positions/rope
    :aliases: GQA, multi-query attention

The level is *introductory*, *intermediate* or *advanced*. Prerequisites are the pages
to read before, and aliases what else a reader may type to find this one; both may be
empty. An unknown field or page, a missing summary or level, an alias that two pages
claim, and prerequisites that go in a circle stop the build.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from portal.text.hint import hint

FIELDS = ("summary", "level", "prerequisites", "aliases")
LEVELS = ("introductory", "intermediate", "advanced")
LONGEST = 160

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metadata:
    """The fields of one article."""

    summary: str
    level: str
    prerequisites: tuple[str, ...]
    aliases: tuple[str, ...]


def listed(text: str) -> tuple[str, ...]:
    """The items of a field.

    >>> listed("GQA, grouped  query,"), listed("")
    (('GQA', 'grouped query'), ())
    """
    parts = (" ".join(part.split()) for part in text.split(","))
    return tuple(part for part in parts if part)


def of_fields(fields: dict[str, str]) -> Metadata:
    """Metadata from the text of fields; what is missing is empty."""
    text = {name: " ".join(str(fields.get(name, "")).split()) for name in FIELDS}
    prerequisites, aliases = listed(text["prerequisites"]), listed(text["aliases"])
    return Metadata(text["summary"], text["level"], prerequisites, aliases)


def is_article(docname: str) -> bool:
    """Whether a document is the page of a book.

    >>> [is_article(n) for n in ("a/rope", "a/index", "status", "gallery/a/plot_rope")]
    [True, False, False, False]
    """
    return re.fullmatch(r"(?!gallery/)[^/]+/(?!index$)[^/]+", docname) is not None


def page_metadata(env: BuildEnvironment, docname: str) -> Metadata:
    """What an article says of itself.

    Raises
    ------
    KeyError
        If there is no such article.
    """
    if docname not in env.found_docs or not is_article(docname):
        raise KeyError(docname)
    return of_fields(env.metadata.get(docname, {}))


def articles(env: BuildEnvironment) -> dict[str, Metadata]:
    """The metadata of all articles, by document, in the order of their names."""
    names = filter(is_article, sorted(env.found_docs))
    return {name: of_fields(env.metadata.get(name, {})) for name in names}


def missing(page: Metadata) -> Iterator[tuple[str, str]]:
    """The fields that an article must fill and does not."""
    if not page.summary:
        yield "summary", "no :summary: above the title: say in a sentence what it shows"
    if not page.level:
        yield "level", f"no :level: above the title; {hint('', LEVELS)}"


def field_problems(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the fields of one article: which field, and what."""
    page = of_fields(fields)
    unknown = sorted(fields.keys() - {*FIELDS, "prose"})
    for name in unknown:
        yield name, f"there is no field {name!r}; {hint(name, FIELDS)}"
    if not unknown:  # one of them may be what seems to be missing
        yield from missing(page)
    if (length := len(page.summary)) > LONGEST:
        problem = f"the summary has {length} characters: shorten it to {LONGEST}"
        yield "summary", problem
    if page.level and page.level not in LEVELS:
        yield "level", f"there is no level {page.level!r}; {hint(page.level, LEVELS)}"


def problems(pages: dict[str, Metadata]) -> Iterator[tuple[str, str, str]]:
    """What is wrong between articles: page, field and what."""
    claimed: dict[str, str] = {}
    for name, page in pages.items():
        for before in page.prerequisites:
            if before not in pages:
                problem = f"there is no page {before!r}; {hint(before, pages)}"
                yield name, "prerequisites", problem
        for alias in page.aliases:
            other = claimed.setdefault(alias.casefold(), name)
            if other != name:
                problem = f"{name} and {other} both have the alias {alias!r}"
                yield name, "aliases", f"{problem}: keep it on one of them"
    before = {name: page.prerequisites for name, page in pages.items()}
    try:
        TopologicalSorter(before).prepare()
    except CycleError as error:
        circle = error.args[1]
        problem = f"prerequisites in a circle: {' -> '.join(circle)}; drop one"
        yield circle[-1], "prerequisites", problem


def place(file: Path, field: str) -> str:
    """File and line of a field; the first line where there is none."""
    lines = file.read_text("utf-8").splitlines()
    found = (n for n, line in enumerate(lines, 1) if line.startswith(f":{field}:"))
    return f"{file}:{next(found, 1)}"


def warn(env: BuildEnvironment, docname: str, field: str, problem: str) -> None:
    """Say at the line of a field what is wrong with it."""
    where = place(Path(env.doc2path(docname)), field)
    logger.warning(problem, location=where, type="metadata")


def check(app: Sphinx, env: BuildEnvironment) -> None:
    pages = articles(env)
    found = [
        (name, *problem)
        for name in pages
        for problem in field_problems(env.metadata.get(name, {}))
    ]
    for name, field, problem in [*found, *problems(pages)]:
        warn(env, name, field, problem)


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", check)
