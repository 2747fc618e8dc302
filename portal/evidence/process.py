"""Run tasks side by side, each in a process group of its own, and report their ends.

Processes are forked from a server that has torch and matplotlib imported, so that a
task starts in milliseconds, and each serves one task. Whatever a task does to its
process (an endless loop, a crash, ``os._exit``) costs that task alone, and the
processes that it started end with it. ``child`` has the code that runs there.
"""

import contextlib
import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from portal.worker import child, memory
from portal.worker.child import Task

GRACE = 5  # seconds between the traceback of a task out of time and its end
LEAVING = 1  # seconds in which the process of a task may tidy up after its result


@dataclass(frozen=True)
class Outcome:
    """How a task ended; ``problem`` is empty if it ended well."""

    task: Task
    seconds: float
    problem: str = ""
    cpu: dict[str, float] = field(default_factory=dict)  # seconds: of parts, and "all"

    @property
    def line(self) -> int | None:
        """The line of the file at which the task ended."""
        pattern = rf'{re.escape(str(self.task.work.file))}(?:", line |:)(\d+)'
        lines = re.findall(pattern, self.output)
        innermost_first = "most recent call first" in self.output
        return int(lines[0 if innermost_first else -1]) if lines else None

    @property
    def output(self) -> str:
        return self.task.output

    @property
    def place(self) -> str:
        return f"{self.task.work.file}:{self.line or self.task.work.line}"

    def report(self, tail: int = 12) -> str:
        """The cause, and the last lines of what the task printed."""
        return "\n    ".join([self.problem, *self.output.strip().splitlines()[-tail:]])


class Running:
    """The processes of the tasks that run now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[BaseProcess] = set()
        self._is_over = False

    def start(self, process: BaseProcess) -> None:
        with self._lock:
            if self._is_over:
                raise CancelledError
            process.start()
            self._processes.add(process)

    def end(self, process: BaseProcess) -> None:
        """End a process and all of its group; a second call changes nothing."""
        with self._lock:
            self._processes.discard(process)
        process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the group outlives its leader
        process.join()

    def end_all(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._is_over = True
        for process in list(self._processes):
            self.end(process)


def _received(receiver: Connection) -> tuple | OSError | None:
    """What a task reported; nothing if it died before."""
    try:
        return receiver.recv() if receiver.poll() else None
    except EOFError:
        return None


def _death(task: Task, status: int) -> str:
    """Why a process ended that reported nothing."""
    output = task.output
    if "Timeout (" in output:
        return f"still running after {task.work.limit:g} s"
    if memory.is_exhausted(output):
        return memory.exceeded(task.work.memory)
    if status == -signal.SIGKILL:
        return "killed by signal 9, probably because the machine ran out of memory"
    return f"killed by signal {-status}" if status < 0 else "exited early"


def _supervise(task: Task, context: BaseContext, running: Running) -> Outcome:
    """Run one task, and end all that it started.

    Raises
    ------
    OSError
        If the task found the disk full.
    """
    receiver, sender = context.Pipe(duplex=False)
    watched, kept = context.Pipe(duplex=False)  # the task ends when `kept` is closed
    process = context.Process(target=child.serve, args=(task, watched, sender))
    with receiver, kept:
        with sender, watched:
            running.start(process)
        limit = task.work.limit
        ready = wait([receiver, process.sentinel], limit + GRACE)
        if receiver not in ready:
            running.end(process)  # before reading: its children may hold the pipe
        ended = _received(receiver)
        process.join(LEAVING)
        running.end(process)
    if isinstance(ended, OSError):
        raise ended
    if ended is not None:
        return Outcome(task, *ended)
    if not ready:
        return Outcome(task, limit, f"still running after {limit:g} s")
    return Outcome(task, 0.0, _death(task, process.exitcode))


def start_server(preload: list[str]) -> BaseContext:
    """Start the process that tasks are forked from, which imports these modules.

    It imports them while this process goes on; a second call finds it running.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(preload)
    forkserver.ensure_running()
    return context


def run(tasks: list[Task], workers: int, preload: list[str]) -> Iterator[Outcome]:
    """Run ``tasks`` in their order, ``workers`` at a time; yield as they end.

    Raises
    ------
    OSError
        If a task found the disk full, which is no fault of its script.
    """
    context, running = start_server(preload), Running()
    with ThreadPoolExecutor(workers) as threads:
        futures = [threads.submit(_supervise, task, context, running) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            running.end_all()
            raise
