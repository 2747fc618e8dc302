"""Write what was measured: ``results.md`` with its targets, and ``results.svg``."""

import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt

from benchmarks import site
from benchmarks.compare import CORES, OURS, PARALLEL, SERIAL, STEPS, VARIANTS, Record

PACKAGES = ("sphinx", "sphinx-gallery", "furo", "matplotlib", "numpy", "torch")

TEXT = """\
# Builds, stock and ours

Written by `make bench`. One generated site of {pages} pages in six books, each with
a script that imports torch, computes 0.1 to 3 s (log-uniform, times {scale:g};
{burned:.0f} s in all) and draws a figure. The variants differ in a few lines of
`conf.py` alone, have the same theme and extensions, and read and write pages with
`-j auto`. Repeats of each build: {repeats}; the numbers are medians. {note}

{about}.

![Wall time of each build](results.svg)

{steps}

Seconds of computing are CPU seconds of the process, so that they are the same
whoever runs the scripts and however busy the machine is; `OMP_NUM_THREADS=1`. CPU
time counts all processes, orphans too; memory is the peak of the proportional set
sizes of all of them, seen four times a second. *others* is how many cores the rest
of the machine kept busy during the build: times compare where it is near zero.
*cold* has nothing; *scripts* (ours alone) has the results of the reference tests
and nothing else, since stock runs no tests: compare it with stock's *cold*, and
*cold* with *scripts* for what {pages} tests cost. *pages* reads and writes every
page and runs nothing. *module* edits a module that {dependents} scripts import; the
right number of scripts to run is {right}. A build that runs fewer leaves stale
figures.

## Targets

{targets}

The limit is ({scripts:.1f} CPU s of scripts) / {cores} + ({sphinx:.1f} s of
Sphinx), both of stock, serial: the first is its *cold* less its *pages*. The
seconds of a module edit are those beyond the computing and drawing of its scripts
({own:.1f} CPU s) on all cores; they include the tests of these pages. Trees are
compared after each edit of a site of {checked} pages whose scripts compute nothing,
against a build of the same from nothing in another folder, except `.buildinfo` and
the index of the search, whose filters Pagefind numbers at random.
"""


def about() -> dict[str, str]:
    """The machine, the versions, the commit and the date."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=site.REPOSITORY, capture_output=True, text=True)
    return {
        "cores": str(CORES),
        "memory": f"{memory / 2**30:.0f} GiB",
        "load before the first build": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()}, {platform.machine()}",
        "Python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "commit": commit.stdout.strip(),
        "date": time.strftime("%Y-%m-%d"),
    }


@dataclass(frozen=True)
class Results:
    """The records of a run, the options it was started with, and where it ran."""

    options: dict
    about: dict[str, str]
    records: list[Record]

    def of(self, variant: str, step: str, pages: int = 0) -> list[Record]:
        place = (pages or self.options["pages"], variant, step)
        return [r for r in self.records if (r.pages, r.variant, r.step) == place]

    def median(self, variant: str, step: str, what: str, pages: int = 0) -> float:
        """NaN where nothing was measured."""
        found = [getattr(r.cost, what) for r in self.of(variant, step, pages)]
        return statistics.median(found) if found else float("nan")

    def wall(self, variant: str, step: str, pages: int = 0) -> float:
        return self.median(variant, step, "wall", pages)

    @property
    def plan(self) -> list[site.Page]:
        return site.plan(self.options["pages"], self.options["scale"])

    @property
    def burned(self) -> float:
        """Seconds that all scripts compute."""
        return sum(page.seconds for page in self.plan)

    @property
    def scripts(self) -> float:
        """CPU seconds of the scripts in stock's serial build."""
        cold, pages = (self.median(SERIAL, s, "cpu") for s in ("cold", "pages"))
        return cold - pages

    @property
    def limit(self) -> float:
        return self.scripts / CORES + self.wall(SERIAL, "pages")

    @property
    def own(self) -> float:
        """CPU seconds that the dependents of a module edit compute and draw."""
        pages = site.dependents("module", self.plan)
        drawing = (self.scripts - self.burned) / len(self.plan)
        return sum(page.seconds + drawing for page in pages)


def rows(cells: list[list[str]]) -> str:
    """A table; the first row is its head."""
    head, *body = cells
    rule = ["---"] + ["--:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *body])


def row(results: Results, variant: str, step: str) -> list[str]:
    wall, cpu, memory, others = (
        results.median(variant, step, what)
        for what in ("wall", "cpu", "memory", "others")
    )
    serial = results.wall(SERIAL, "cold" if step == "scripts" else step)
    ran = len(results.of(variant, step)[0].ran)
    cells = [f"{wall:.1f}", f"{wall / serial:.2f}", f"{cpu:.1f}", f"{memory:.0f}"]
    shown = f"{others:.1f}" if others == others else "unknown"
    return [f"{step}: {variant}", *cells, shown, str(ran)]


def steps(results: Results) -> str:
    head = "Build|wall (s)|to serial|CPU (s)|memory (MB)|others (cores)|scripts run"
    return rows(
        [head.split("|")]
        + [
            row(results, variant, step)
            for step in STEPS
            for variant in VARIANTS
            if results.of(variant, step)
        ]
    )


def upper_bounds(results: Results) -> list[tuple[str, float, float]]:
    """Targets that are numbers: what, the most it may be, what it is."""
    wall, many = results.wall, results.options["growth"]
    found = []
    for step in ("scripts", "cold"):
        name, ours = f"*{step}* of ours over *cold* of ", wall(OURS, step)
        found += [
            (f"{name}stock, serial", 0.6, ours / wall(SERIAL, "cold")),
            (f"{name}{PARALLEL}", 1.0, ours / wall(PARALLEL, "cold")),
            (f"*{step}* of ours over the limit", 1.15, ours / results.limit),
        ]
    module = wall(OURS, "module") - results.own / CORES
    idle, grown = wall(OURS, "no-op"), wall(OURS, "no-op", many)
    return [
        *found,
        ("*module*, seconds beyond its own", 3, module),
        ("*no-op*, seconds", 2.5, idle),
        (f"*no-op* at {many} pages over *no-op*", 2, grown / idle),
    ]


def exactness(results: Results) -> list[list[str]]:
    """Targets that hold or not: which scripts ran, which files are wrong."""
    table = []
    for edit in site.EDITS:
        right = [page.name for page in site.dependents(edit, results.plan)]
        if builds := results.of(OURS, edit):
            met = "yes" if all(build.ran == right for build in builds) else "**no**"
            table.append([f"*{edit}* runs exactly its dependents", "", met, met])
    for record in results.records:
        if record.differs is not None:
            shown = ", ".join(f"`{name}`" for name in record.differs[:3]) or "nothing"
            met = "**no**" if record.differs else "yes"
            name = f"files that differ from a clean build after *{record.step}*"
            table.append([name, "nothing", shown, met])
    return table


def targets(results: Results) -> str:
    table = [["Target", "at most", "is", "met"]]
    for name, most, found in upper_bounds(results):
        if found == found:  # not NaN: it was measured
            met = "yes" if found <= most else "**no**"
            table.append([name, f"{most:g}", f"{found:.2f}", met])
    return rows(table + exactness(results))


def draw(results: Results, path: Path) -> None:
    """Bars of wall time: what runs all scripts or writes all pages, and the edits."""
    plt.rcParams.update({"svg.hashsalt": "benchmarks", "font.size": 9})
    groups = (("cold", "scripts"), ("pages", "no-op", *site.EDITS))
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
    for axes, group in zip(panels, groups, strict=True):
        for shift, variant in enumerate(VARIANTS):
            walls = [results.wall(variant, step) for step in group]
            places = [place + 0.27 * (shift - 1) for place in range(len(group))]
            bars = axes.barh(places, walls, 0.25, label=variant)
            labels = [f"{wall:.1f}" if wall == wall else "" for wall in walls]
            axes.bar_label(bars, labels, padding=2, fontsize=7)
        axes.set_yticks(range(len(group)), group)
        axes.set(xlabel="wall time (s)")
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
    panels[1].legend(frameon=False)
    figure.savefig(path, metadata={"Date": None, "Creator": None})
    plt.close(figure)


def write(results: Results, folder: Path) -> None:
    draw(results, folder / "results.svg")
    checked = [r.pages for r in results.records if r.differs is not None]
    dependents = [len(site.dependents(edit, results.plan)) for edit in site.EDITS]
    text = TEXT.format(
        **results.options,
        burned=results.burned,
        about=", ".join(f"{name} {value}" for name, value in results.about.items()),
        steps=steps(results),
        dependents=dependents[-1],
        right=", ".join(map(str, dependents)) + " after the three edits",
        targets=targets(results),
        scripts=results.scripts,
        sphinx=results.wall(SERIAL, "pages"),
        cores=CORES,
        own=results.own,
        checked=checked[0] if checked else 0,
    )
    (folder / "results.md").write_text(text, "utf-8")
