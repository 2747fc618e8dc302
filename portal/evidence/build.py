"""Make the evidence that is missing, all kinds in one pool, beside the pages.

``gallery``, ``agreements`` and ``traces`` each list their work. A piece of work is run
when the store has no result for its inputs; every result is then copied below
``docs/gallery``, where Sphinx-Gallery and the directives look, and nothing else is left
there.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.display import status_iterator

from portal.evidence import agreements, gallery, site, traces
from portal.evidence.process import Outcome, Task, run
from portal.evidence.site import Site
from portal.evidence.store import Store
from portal.evidence.work import Work

logger = logging.getLogger(__name__)
KINDS: tuple[Callable[[Site], list[Work]], ...] = (
    gallery.work,
    agreements.work,
    traces.work,
)


def listed(site: Site) -> list[Work]:
    """All the work there is, of every kind."""
    return [work for kind in KINDS for work in kind(site)]


def tasks(stale: Iterable[Work], store: Store) -> list[Task]:
    """The stale work as tasks, the longest of last time first."""
    seconds = store.seconds()
    made = []
    for work in sorted(stale, key=lambda work: -seconds.get(work.name, 1e9)):
        scratch = store.scratch()
        arguments = (scratch / "files", *work.arguments)
        log = scratch / "log"
        made.append(
            Task(
                work.name,
                work.file,
                work.function,
                arguments,
                log,
                work.limit,
                work.line,
                work.memory,
            )
        )
    return made


def execute(wanted: list[Work], store: Store) -> list[Outcome]:
    """Run the work without an entry, keep what succeeds, return what failed."""
    stale = {work.name: work for work in wanted if store.get(work.key) is None}
    waiting, failed = tasks(stale.values(), store), []
    workers = os.cpu_count() or 1
    outcomes = run(waiting, workers, ["portal.evidence.preload"]) if waiting else []
    for outcome in status_iterator(
        outcomes,
        "making evidence... ",
        length=len(waiting),
        stringify_func=lambda outcome: f"{outcome.task.name} {outcome.seconds:.1f} s",
    ):
        task = outcome.task
        if outcome.problem:
            failed.append(outcome)
        else:
            key = stale[task.name].key
            store.put(task.log.parent, task.name, key, outcome.seconds)
    return failed


def sweep(gallery: Path, live: set[Path]) -> None:
    """Remove what deleted and renamed scripts left in the gallery."""
    for path in sorted(gallery.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in live and path.name != "index.rst":
            path.unlink()
    for index in gallery.glob("*/index.rst"):
        if not any(file.is_relative_to(index.parent) for file in live):
            index.unlink()
            index.parent.rmdir()


def update(app: Sphinx) -> None:
    """Make missing evidence, and put all of it where Sphinx looks.

    When work fails, the build ends after all of it has run: every failure is reported,
    what succeeded is kept, and the pages that were there are untouched. A second build
    waits until the first has made its evidence.
    """
    store = Store(Path(app.confdir, "build/evidence"))
    try:
        wanted = listed(app)
    except SyntaxError as error:
        logger.error(error.msg, location=f"{error.filename}:{error.lineno}")
        raise SystemExit(1) from error
    with store.lock():
        store.sweep()
        failed = execute(wanted, store)
        for outcome in failed:
            logger.error(outcome.report(), location=outcome.place)
        if failed:
            store.sweep()
            logger.error("evidence: %d of %d failed", len(failed), len(wanted))
            raise SystemExit(1)
        live = _copy(wanted, store, Path(app.srcdir))
        sweep(Path(app.srcdir, "gallery"), live)


def _copy(wanted: list[Work], store: Store, target: Path) -> set[Path]:
    """Copy every result below ``target``; returns the files."""
    live: set[Path] = set()
    for work in wanted:
        entry = store.get(work.key)
        entry.copy_to(target)
        live |= {target / name for name in entry.digests}
    return live


def setup(app: Sphinx) -> None:
    site.setup(app)
    gallery.setup(app)
    app.connect("builder-inited", update, priority=400)  # Sphinx-Gallery: 500
