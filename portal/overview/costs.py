"""What pages cost to build, in CPU seconds, beside what a page may cost.

``make status`` shows it: a budget is what pages may take in the mean, so that a hundred
build in eight minutes on two cores, and the pages above it are named. Evidence notes
its seconds when it is made, and Sphinx when it reads and writes all pages. Seconds
differ from run to run, so no page shows them.
"""

import json
import re
import resource
from dataclasses import dataclass, field
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.evidence import files, remote
from portal.evidence.store import Store
from portal.order import Finished
from portal.pages import mirror

LONG = (  # their scripts may take longer
    "attention/grouped_query_attention",
    "recommenders/encode_and_generate",
    "recommenders/transaction_transformer",
    "training/browser_finetuning",
)
NOTE = "cpu.json"
BUDGETS = {  # label, and what a page may take of it; 0: there is no budget
    "computing": ("Computing of scripts", 4.0),
    "drawing": ("Drawing", 2.0),
    "tests": ("Reference tests", 1.0),
    "traces": ("Traced calls", 0.15),
    "doctests": ("Doctests", 0.0),
    "longest": ("Longest script", 10.0),
    "frames": ("Frames of animations", 25.0),
    "sphinx": ("Sphinx", 0.75),
}


@dataclass(frozen=True)
class Budget:
    """What a page may take of one thing, and what pages took."""

    label: str
    allowed: float
    pages: dict[str, float] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return sum(self.pages.values()) / max(1, len(self.pages))

    def __str__(self) -> str:
        """
        >>> print(str(Budget("Drawing", 2.0, {"a/b": 1.0, "a/c": 4.0})).strip())
        Drawing                                  2.00    2.50  over: a/c 4.0
        """
        worst_first = sorted(self.pages.items(), key=lambda page: -page[1])
        over = [
            f"{name} {took:.1f}" for name, took in worst_first if took > self.allowed
        ]
        allowed = f"{self.allowed:.2f}" if self.allowed else ""
        named = f"  over: {', '.join(over)}" if allowed and over else ""
        return f"{self.label:36} {allowed:>8} {self.mean:7.2f}{named}"


def page_of(name: str, pages: list[str]) -> str:
    """The page of a task or a script; empty if it is of none, or of a book.

    >>> tasks = ["a/plot_b_far.py", "a/b.f.0.shapes", "docs/a/b.rst (doctests)"]
    >>> [page_of(task, ["a/b"]) for task in [*tasks, "docs/a/index.rst (doctests)"]]
    ['a/b', 'a/b', 'a/b', '']
    """
    book, _, file = name.removeprefix("docs/").removeprefix("snippets/").partition("/")
    stem = re.sub(r"^(plot|test)_", "", file.partition(".")[0])
    own = (page for page in pages if f"{book}/{stem}_".startswith(f"{page}_"))
    return max(own, key=len, default="")


def split(task: str, cpu: dict[str, float]) -> dict[str, float]:
    """The seconds of one task, by what they were spent on.

    >>> split("a/plot_b.py", {"all": 3.0, "drawing": 1.0})
    {'computing': 2.0, 'drawing': 1.0}
    """
    if "drawing" in cpu:
        return {"computing": cpu["all"] - cpu["drawing"], "drawing": cpu["drawing"]}
    for end, kind in (("(doctests)", "doctests"), (".shapes", "traces")):
        if task.endswith(end):
            return {kind: cpu["all"]}
    return {"tests": cpu["all"]}


def of_evidence(store: Store) -> dict[str, dict[str, float]]:
    """CPU seconds of each task of the last whole build, as far as they were noted."""
    latest = {entry.task: entry.cpu for entry in store.entries()}
    return {task: latest[task] for task in store.times() if latest.get(task)}


def of_build(root: Path) -> list[Budget]:
    """What the last build of the site in ``root`` took, by page."""
    named = (f"{book}/{page}" for book, page in mirror.pages(root))
    pages = [page for page in named if not mirror.is_prose(root / f"docs/{page}.rst")]
    took = {kind: dict.fromkeys(pages, 0.0) for kind in BUDGETS if kind != "sphinx"}
    for task, cpu in of_evidence(remote.store(root)).items():
        if page := page_of(task, pages):
            for kind, seconds in split(task, cpu).items():
                took[kind][page] += seconds
            if "drawing" in cpu and page not in LONG:
                took["longest"][page] = max(took["longest"][page], cpu["all"])
    for figure in files.figures(root / "docs"):
        if page := page_of(f"{figure.book}/{figure.script}", pages):
            about = files.read(files.about(root / "docs", figure))
            took["frames"][page] += about["frames"] if about["frames"] > 1 else 0
    note = root / "build/doctrees" / NOTE
    seconds = json.loads(note.read_text()) if note.is_file() else 0.0
    took["sphinx"] = {"all pages": seconds / max(1, len(pages))}
    return [Budget(*BUDGETS[kind], found) for kind, found in took.items()]


def table(root: Path, budgets: list[Budget]) -> list[str]:
    """The lines that ``make status`` prints."""
    store = remote.store(root)
    unknown = len(store.times()) - len(of_evidence(store))
    note = f"and of {unknown} tasks, made before seconds were noted, nothing is known"
    lines = [f"{'CPU seconds of a page':38} budget    mean", *map(str, budgets)]
    return [*lines, note] if unknown else lines


def watch(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    if app.builder.name == "html" and env.found_docs <= set(docnames):
        app.connect("build-finished", keep, priority=Finished.COSTS)


def keep(app: Sphinx, exception: Exception | None) -> None:
    """Note what Sphinx took for all pages; evidence is made in other processes."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    seconds = sum(one.ru_utime + one.ru_stime for one in used)
    if exception is None:
        Path(app.doctreedir, NOTE).write_text(json.dumps(seconds))


def setup(app: Sphinx) -> None:
    app.connect("env-before-read-docs", watch)
