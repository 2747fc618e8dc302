"""Make the evidence that the store lacks, in one pool, and report failures."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sphinx.util import logging
from sphinx.util.display import status_iterator

from portal.evidence import cluster, process, recency
from portal.evidence.process import Outcome
from portal.evidence.store import Entry, Store
from portal.evidence.work import Work
from portal.worker.child import Task

logger = logging.getLogger(__name__)
CLUSTER = "DASK_SCHEDULER_ADDRESS"
PRELOAD = ("portal.worker.preload", "portal.worker.freeze")
OFTEN = (  # imported again and again by scripts and reference tests
    "hypothesis",
    "networkx",
    "scipy.stats",
    "sklearn.svm",
    "torch._dynamo",  # by the first optimizer
    "torch_geometric.nn",
    "transformers.models.llama.modeling_llama",
)
MANY = 20  # tasks, from which on it pays to import that for all of them


def tasks(stale: Iterable[Work], store: Store) -> list[Task]:
    """The stale work as tasks, the longest of last time first."""
    seconds = store.seconds()
    longest_first = sorted(stale, key=lambda work: -seconds.get(work.name, 1e9))
    return [Task(work, store.scratch()) for work in longest_first]


def saved(root: Path) -> int:
    """How much code was saved after the last build that used its evidence, in files.

    It costs a thousandth of what listing the work does, and may err: a page may be all
    that needs a module, or a file may have been touched.
    """
    code = [*root.glob("snippets/*/*.py"), *root.glob("tests/*/*.py")]
    used = root.glob("build/evidence/*/manifest.json")
    last = max((path.stat().st_mtime for path in used), default=0)
    return sum(path.stat().st_mtime > last for path in code)


def preload(count: int) -> list[str]:
    """What the server of workers imports for so many tasks."""
    first, last = PRELOAD
    return [first, *(OFTEN if count >= MANY else ()), last]


def prepare(root: Path) -> None:
    """Start the server of workers where it will be needed, while Sphinx starts."""
    count = saved(root)
    if count and not os.environ.get(CLUSTER):
        process.start_server(preload(count))


def run(waiting: list[Task]) -> Iterator[Outcome]:
    """Run tasks on this machine, or on the cluster that the environment names."""
    address = os.environ.get(CLUSTER)
    if address:
        return cluster.run(waiting, address, list(PRELOAD))
    return process.run(waiting, os.cpu_count() or 1, preload(len(waiting)))


def execute(wanted: list[Work], store: Store) -> tuple[list[Entry], list[Outcome]]:
    """The entries of the work, run where there was none, and what failed."""
    found = {work.name: store.get(work.key) for work in wanted}
    stale = [work for work in wanted if found[work.name] is None]
    made, failed = [entry for entry in found.values() if entry], []
    waiting = tasks(stale, store)
    outcomes = run(waiting) if waiting else []
    for outcome in status_iterator(
        outcomes,
        "making evidence... ",
        length=len(waiting),
        stringify_func=lambda ended: f"{ended.task.work.name} {ended.seconds:.1f} s",
    ):
        task = outcome.task
        if outcome.problem:
            failed.append(outcome)
        else:
            took = (outcome.seconds, outcome.cpu)
            made.append(store.put(task.folder, task.work.name, task.work.key, *took))
    return made, failed


def make(wanted: list[Work], store: Store) -> list[Entry]:
    """The evidence of all the work, made where it is missing.

    When work fails, all failures are reported after all of it has run, and what
    succeeded is kept.

    Raises
    ------
    SystemExit
        If any work failed.
    """
    allowed = recency.limit()
    store.sweep()
    try:
        made, failed = execute(wanted, store)
        for outcome in failed:
            logger.error(outcome.report(), location=outcome.place)
    finally:
        store.sweep()
    recency.mark(made, store)
    recency.evict(made, store, allowed)
    if failed:
        logger.error("evidence: %d of %d failed", len(failed), len(wanted))
        raise SystemExit(1)
    return made
