"""Build the site in every variant, step by step and in turn, and note what it took.

The steps of a repeat:

- *cold*: from nothing;
- *scripts*, ours alone: cold, but the results of the reference tests are in the store,
  since stock runs no tests;
- *pages*: every page is read and written, no script runs; its time is Sphinx's own;
- *no-op*: nothing has changed;
- *article*, *script*, *module*: one of these was edited.
"""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import site
from benchmarks.measure import Cost, measure

CORES = os.cpu_count() or 1
VARIANTS = {
    "stock, serial": site.SETTINGS["stock"].format(parallel=False),
    f"stock, parallel={CORES}": site.SETTINGS["stock"].format(parallel=CORES),
    "ours": site.SETTINGS["ours"],
}
SERIAL, PARALLEL, OURS = VARIANTS
STEPS = ("cold", "scripts", "pages", "no-op", *site.EDITS)
SPHINX = "-m sphinx -W --keep-going -j auto -b html -c . -d build/doctrees"


def environment(root: Path) -> dict[str, str]:
    """Variables of a build of the site in this folder."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": f"{root}{os.pathsep}{site.REPOSITORY}",
        "PYTHONUTF8": "1",
        "SOURCE_DATE_EPOCH": "1700000000",
    }


@dataclass(frozen=True)
class Record:
    """One build: of which variant, at which step, what it took, which scripts ran.

    ``differs`` lists files that are not those of a clean build; None if not compared.
    """

    pages: int
    variant: str
    step: str
    cost: Cost
    ran: list[str]
    differs: list[str] | None = None


@dataclass(frozen=True)
class Folder:
    """A site in a folder of its own, built in one variant."""

    root: Path
    variant: str
    pages: list[site.Page]
    edits: set[str] = field(default_factory=set)

    def write(self) -> None:
        site.write(self.root, self.pages, VARIANTS[self.variant], self.edits)

    def build(self) -> tuple[Cost, list[str]]:
        """Cost of a build, and the scripts that it ran."""
        log = self.root / ".ran"
        log.write_text("")
        variables = {**environment(self.root), "BENCHMARK_RAN": str(log)}
        command = [sys.executable, *SPHINX.split(), "docs", "build/html"]
        cost = measure(command, variables, self.root)
        return cost, sorted(log.read_text().split())

    def forget_pages(self) -> None:
        for name in ("doctrees", "html"):
            shutil.rmtree(self.root / "build" / name)

    def forget_scripts(self) -> None:
        """Leave the results of tests alone in the store."""
        shutil.rmtree(self.root / "docs/gallery")
        for manifest in self.root.glob("build/evidence/*/manifest.json"):
            if "/test_" not in json.loads(manifest.read_text())["task"]:
                shutil.rmtree(manifest.parent)

    def tree(self) -> dict[str, str]:
        """Digest of every file of the result.

        ``.buildinfo`` holds a path, and Pagefind numbers its filters at random.
        """
        html = self.root / "build/html"
        index = html / "pagefind"
        return {
            str(path.relative_to(html)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(html.rglob("*"))
            if path.is_file()
            and path.name != ".buildinfo"
            and not path.is_relative_to(index)
        }


def differences(folder: Folder) -> list[str]:
    """Files in which the same site differs, built from nothing elsewhere."""
    place = folder.root.with_name("clean")
    clean = Folder(place, folder.variant, folder.pages, folder.edits)
    clean.write()
    clean.build()
    ours, theirs = folder.tree(), clean.tree()
    shutil.rmtree(place)
    names = ours.keys() | theirs.keys()
    return sorted(name for name in names if ours.get(name) != theirs.get(name))


def take(folder: Folder, step: str, check: bool) -> Record:
    """Bring the site to a step and build it."""
    if step in ("pages", "scripts"):
        folder.forget_pages()
    if step == "scripts":
        folder.forget_scripts()
    if step in site.EDITS:
        folder.edits.add(step)
    folder.write()
    cost, ran = folder.build()
    compared = check and folder.variant == OURS and step in site.EDITS
    differs = differences(folder) if compared else None
    return Record(len(folder.pages), folder.variant, step, cost, ran, differs)


def repeat(
    place: Path,
    pages: list[site.Page],
    variants: tuple[str, ...] = tuple(VARIANTS),
    steps: tuple[str, ...] = STEPS,
    check: bool = False,
) -> Iterator[Record]:
    """One repeat: every step in every variant, the variants in turn."""
    folders = [
        Folder(place / f"site-{number}", variant, pages)
        for number, variant in enumerate(variants)
    ]
    for step in steps:
        for folder in folders:
            if step != "scripts" or folder.variant == OURS:
                yield take(folder, step, check)
    for folder in folders:
        shutil.rmtree(folder.root)
