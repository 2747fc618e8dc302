"""Tasks on a Dask cluster, for evidence that one machine is too small to make.

``DASK_SCHEDULER_ADDRESS`` names its scheduler. A Dask worker gives each task a process
of its own, with the same limits and reports as here, and sends its files back. A task
whose worker dies is given to another. Each worker needs what every task depends on:

- the repository at the same path, and the same versions, or the task is refused;
- ``PYTHONPATH`` set to it, and a restart when ``portal/`` has changed;
- ``--no-nanny``, since a process under a nanny may start none of its own.
"""

import io
import multiprocessing
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portal.evidence import process
from portal.evidence.inputs import unlike
from portal.evidence.process import Outcome
from portal.evidence.store import Unavailable
from portal.worker.child import Task


@dataclass(frozen=True)
class Returned:
    """What a worker sends back: how the task ended, and its files in an archive."""

    seconds: float
    problem: str
    cpu: dict[str, float]
    archive: bytes


def packed(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, ".")
    return buffer.getvalue()


def on_worker(task: Task, preload: list[str]) -> Returned:
    """Run one task, in a folder of the worker's own."""
    if multiprocessing.current_process().daemon:
        raise RuntimeError("start the Dask workers with --no-nanny")
    differing = unlike(task.work.inputs, task.work.file.parents[2])
    if differing:
        raise RuntimeError(f"a Dask worker differs in {', '.join(differing)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        own = Task(task.work, Path(name))
        (outcome,) = process.run([own], 1, preload)
        ended = (outcome.seconds, outcome.problem, outcome.cpu)
        return Returned(*ended, packed(own.folder))


def received(task: Task, future) -> Outcome:
    """How the task ended; its files lie where they would had it run here."""
    from distributed import KilledWorker

    try:
        returned = future.result()
    except KilledWorker:
        return Outcome(task, 0.0, "each Dask worker that ran it died")
    except Exception as error:  # raised outside the process of the task
        raise Unavailable(f"DASK_SCHEDULER_ADDRESS: {error}") from error
    with tarfile.open(fileobj=io.BytesIO(returned.archive)) as archive:
        archive.extractall(task.folder, filter="data")
    return Outcome(task, returned.seconds, returned.problem, returned.cpu)


def run(tasks: list[Task], address: str, preload: list[str]) -> Iterator[Outcome]:
    """Run ``tasks``, the first ones first, as ``process.run`` does on this machine.

    Raises
    ------
    Unavailable
        If Dask is not installed, the scheduler does not answer, or a worker differs.
    """
    try:
        import distributed

        client = distributed.Client(address)  # waits as Dask is configured to
    except (ImportError, OSError) as error:
        message = f"DASK_SCHEDULER_ADDRESS={address}: {error}; pip install distributed?"
        raise Unavailable(message) from error
    with client:
        futures = {
            client.submit(on_worker, task, preload, priority=-place, pure=False): task
            for place, task in enumerate(tasks)
        }
        for future in distributed.as_completed(futures):
            yield received(futures[future], future)
