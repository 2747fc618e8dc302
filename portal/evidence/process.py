"""Run tasks side by side, each in a process of its own, and report how each ended.

Workers are forked from a server that has torch and matplotlib imported, so that a task
starts in milliseconds; a worker serves one task. Whatever a task does to its process
(an endless loop, a crash, ``os._exit``) costs that task alone.
"""

import errno
import faulthandler
import multiprocessing
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError, as_completed
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path

from pebble import CONSTS, ProcessExpired, ProcessPool

from portal import network
from portal.evidence import memory
from portal.evidence.work import Work

PORTAL = Path(__file__).parents[1]
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
GRACE = 5  # seconds between the traceback of a task out of time and its end


@dataclass(frozen=True)
class Task:
    """Work in a process of its own, and the folder that it has for its files."""

    work: Work
    folder: Path

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.folder / "log"

    def run(self) -> None:
        self.work.function(self.folder / "files", *self.work.arguments)


@dataclass(frozen=True)
class Outcome:
    """How a task ended; ``problem`` is empty if it ended well."""

    task: Task
    seconds: float
    problem: str = ""

    @property
    def line(self) -> int | None:
        """The line of the script at which the task ended."""
        pattern = rf'File "{re.escape(str(self.task.work.file))}", line (\d+)'
        lines = re.findall(pattern, self.output)
        innermost_first = "most recent call first" in self.output
        return int(lines[0 if innermost_first else -1]) if lines else None

    @property
    def output(self) -> str:
        try:
            return self.task.log.read_text("utf-8", "replace")
        except OSError:
            return ""

    @property
    def place(self) -> str:
        return f"{self.task.work.file}:{self.line or self.task.work.line}"

    def report(self, tail: int = 12) -> str:
        """The cause, and the last lines of what the task printed."""
        return "\n    ".join([self.problem, *self.output.strip().splitlines()[-tail:]])


def _exit_with_trace(status: int) -> None:
    """Stands in for ``os._exit`` in a task, to say where it was called."""
    frames = traceback.format_stack(sys._getframe(1), limit=8)
    os.write(2, "".join([*frames, f"os._exit({status})\n"]).encode())
    _exit(status or 1)  # the pool takes 0 for the end of an idle worker


_exit = os._exit


def _print_from(script: Path, error: BaseException) -> None:
    """Print the traceback of an error, without the frames above the script.

    What the portal itself refuses says where and why in its message: it has none.
    """
    frames = traceback.extract_tb(error.__traceback__)
    own = [i for i, frame in enumerate(frames) if frame.filename == str(script)]
    if not own and Path(frames[-1].filename).is_relative_to(PORTAL):
        return
    lines = traceback.format_list(frames[own[0] if own else 0 :])
    sys.stderr.write("".join(lines + traceback.format_exception_only(error)))


def _is_full(error: BaseException | None) -> bool:
    """Whether it, or an error that it arose from, is that a disk takes nothing more."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def _call(task: Task) -> tuple[float, str]:
    """Runs in the worker: call, and return the seconds and what went wrong."""
    with task.log.open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    sys.stdout = sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    faulthandler.enable(file=2)
    faulthandler.dump_traceback_later(task.work.limit, exit=True, file=2)
    network.refuse()
    memory.limit(task.work.memory)
    os._exit = _exit_with_trace
    start = time.perf_counter()
    problem = ""
    try:
        task.run()
    except BaseException as error:
        problem = _problem(task, error)
    finally:
        os._exit = _exit
        faulthandler.cancel_dump_traceback_later()
    sys.stderr.flush()
    return time.perf_counter() - start, problem


def _problem(task: Task, error: BaseException) -> str:
    """What the task is reported for; its traceback goes to the log."""
    if _is_full(error):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
    _print_from(task.work.file, error)
    problem = traceback.format_exception_only(error)[-1].strip()
    return _out_of_memory(task) if memory.is_exhausted(problem) else problem


def _out_of_memory(task: Task) -> str:
    return f"out of memory: it may take {task.work.memory:g} GiB"


def _expired(task: Task, error: ProcessExpired) -> str:
    output = Outcome(task, 0.0).output
    if "Timeout (" in output:
        return f"still running after {task.work.limit:g} s"
    if memory.is_exhausted(output):
        return _out_of_memory(task)
    if error.exitcode == -signal.SIGKILL:
        return "killed by signal 9, as the system does where memory runs out"
    status = error.exitcode
    return f"killed by signal {-status}" if status < 0 else "exited early"


def _outcome(task: Task, future: Future) -> Outcome:
    try:
        return Outcome(task, *future.result())
    except TimeoutError:
        limit = task.work.limit
        return Outcome(task, limit, f"still running after {limit:g} s")
    except ProcessExpired as error:
        return Outcome(task, 0.0, _expired(task, error))


def start_server(preload: list[str]) -> BaseContext:
    """Start the process that workers are forked from, which imports these modules.

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
    context = start_server(preload)
    CONSTS.sleep_unit = 0.01  # a worker that ended is replaced after so many seconds
    with ProcessPool(max_workers=workers, max_tasks=1, context=context) as pool:
        futures = {
            pool.schedule(_call, args=[task], timeout=task.work.limit + GRACE): task
            for task in tasks
        }
        try:
            for future in as_completed(futures):
                yield _outcome(futures[future], future)
        except BaseException:
            pool.stop()
            raise
