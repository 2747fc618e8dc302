"""How a portal of many articles builds: its time, its memory, its pages.

``make bench options="--articles 100 300 1000"`` measures. The articles have no scripts;
all else that a page passes through is the portal's own configuration. Books have 50
articles each. Writes ``growth.md``.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import compare, report, site
from benchmarks.measure import Cost, measure

BOOK = 50  # articles
STEPS = ("cold", "no-op", "one edit")
LIMITS = {  # at 1000 articles: seconds of wall time
    "cold": 90,
    "no-op": 5,
    "one edit": 6,
}
MEMORY = 1000  # MB

ARTICLE = """\
:prose:
:summary: Article {number} of the portal that a benchmark builds.
:level: introductory
:prerequisites: {before}
:aliases: article {number}

Article {number}
===============

Of {count} articles this is one.{edited} It has the parts of a real one, but a script:
prose with :math:`x_{{{number}}}` in it, equations, a listing, a table, an exercise.

The idea
--------

.. math::
   :label: idea-{number}

   y_{{{number}}} = \\sum_{{i=1}}^{{{number}}} \\frac{{a_i \\sin x_i}}{{\\sqrt{{d}}}},
   \\qquad \\operatorname{{softmax}}(x)_j = \\frac{{e^{{x_j}}}}{{\\sum_k e^{{x_k}}}}

By :eq:`idea-{number}`, weights add up to one. {link}

.. math::

   a &= b + c \\\\
   d &= \\int_0^1 f(x)\\, dx

A worked number
---------------

>>> values = [{number} * step for step in range(5)]
>>> sum(values)
{total}

.. list-table:: What each costs.
   :header-rows: 1

   * - Method
     - Bytes
   * - One
     - {number}
   * - Other
     - {total}

Exercise
--------

How many are left?

.. admonition:: Answer
   :collapsible: closed

   As many as there are: {count} less {number}.
"""

FRAME = {
    "docs/references.bib": "",
    "snippets/__init__.py": "",
    "snippets/GALLERY_HEADER.rst": ":orphan:\n\nGallery\n=======\n",
}


@dataclass(frozen=True)
class Portal:
    """A folder with a portal of so many articles."""

    root: Path
    count: int

    def name(self, number: int) -> str:
        return f"book_{number // BOOK:02}/article_{number:04}"

    def article(self, number: int, edited: bool = False) -> str:
        first = number % BOOK == 0
        before = "" if first else self.name(number - 1)
        return ARTICLE.format(
            number=number,
            count=self.count,
            total=10 * number,
            before=before,
            link=f"Before it stands :doc:`/{before}`." if before else "",
            edited=" Edited." if edited else "",
        )

    def files(self) -> dict[str, str]:
        """Path and text of every file but the configuration and its folders."""
        books: dict[str, list[str]] = {}
        for number in range(self.count):
            book, _, article = self.name(number).partition("/")
            books.setdefault(book, []).append(article)
        contents = [f"{book}/index" for book in books]
        made = {"docs/index.rst": site.index("Portal", contents), **FRAME}
        for book, articles in books.items():
            made[f"docs/{book}/index.rst"] = site.index(book, articles)
        for number in range(self.count):
            made[f"docs/{self.name(number)}.rst"] = self.article(number)
        return made

    def edit(self) -> None:
        """Change the prose of one article."""
        path = self.root / f"docs/{self.name(self.count // 2)}.rst"
        path.write_text(self.article(self.count // 2, edited=True), "utf-8")

    def size(self) -> int:
        """Bytes of the largest page."""
        pages = (self.root / "build/html").rglob("*.html")
        return max(page.stat().st_size for page in pages)

    def build(self) -> Cost:
        command = [sys.executable, *compare.SPHINX.split(), "docs", "build/html"]
        return measure(command, compare.environment(self.root), self.root)


def measured(portal: Portal) -> Iterator[tuple[str, Cost]]:
    """What each step takes."""
    site.write_files(portal.root, {**site.configuration(), **portal.files()})
    for step in STEPS:
        if step == "one edit":
            portal.edit()
        yield step, portal.build()


def run(counts: list[int], place: Path) -> list[list[str]]:
    """A row for each build of portals of these sizes, printed as it ends."""
    table = []
    for count in counts:
        portal = Portal(place / str(count), count)
        for step, cost in measured(portal):
            cells = (
                f"{count} {step}",
                f"{cost.wall:.1f}",
                f"{1000 * cost.wall / count:.0f}",
                f"{cost.cpu:.1f}",
                f"{cost.memory:.0f}",
                f"{cost.others:.1f}",
                f"{portal.size() / 1000:.0f}",
            )
            print(*cells, sep="  ", flush=True)
            table.append(list(cells))
        shutil.rmtree(portal.root)
    return table


HEAD = (
    "Articles and build",
    "wall (s)",
    "ms an article",
    "CPU (s)",
    "memory (MB)",
    "others (cores)",
    "largest page (kB)",
)
TEXT = """\
# A portal of many articles

Written by `make bench options="--articles {counts}"`. The articles are generated, in
books of {book}, and have no scripts; all else is as in the portal.

{about}.

{table}

*others* is how many cores the rest of the machine kept busy during the build: wall
times are those of the portal alone where it is near zero. At 1000 articles wall times
may be {limits}, and memory {memory} MB.
"""


def write(table: list[list[str]], counts: list[int], path: Path) -> None:
    text = TEXT.format(
        counts=" ".join(map(str, counts)),
        book=BOOK,
        about=", ".join(f"{name} {value}" for name, value in report.about().items()),
        table=report.rows([list(HEAD), *table]),
        limits=", ".join(f"{limit} s for {step}" for step, limit in LIMITS.items()),
        memory=MEMORY,
    )
    path.write_text(text, "utf-8")


def main(counts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as place:
        table = run(counts, Path(place))
    write(table, counts, Path(__file__).with_name("growth.md"))
