"""The process of one task, which looks to the task as if it ran alone.

It leads a session, and so a process group of its own. Processes start from it in the
system's usual way. It has no network, and limits on time and memory. What it prints is
kept in the task's folder. Printing where no page shows it is an error: otherwise nobody
would notice.
"""

import errno
import faulthandler
import fcntl
import multiprocessing
import os
import resource
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol

from portal.worker import memory, network

PORTAL = Path(__file__).parents[1]
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Job(Protocol):
    """What a process needs to know of a piece of work."""

    file: Path
    maker: str
    arguments: tuple
    limit: float
    memory: float


@dataclass(frozen=True)
class Task:
    """Work in a process of its own, and the folder that it has for its files."""

    work: Job
    folder: Path

    @property
    def printed(self) -> Path:
        """What went to its standard output, past Sphinx-Gallery and pytest."""
        return self.folder / "printed"

    @property
    def log(self) -> Path:
        """What went to its standard error: tracebacks, warnings."""
        return self.folder / "log"

    @property
    def output(self) -> str:
        files = [file for file in (self.printed, self.log) if file.is_file()]
        return "".join(file.read_text("utf-8", "replace") for file in files)

    def run(self) -> dict[str, float]:
        """Returns the CPU seconds that it measured of its parts, by name."""
        make = resolve_name(self.work.maker)
        return make(self.folder / "files", *self.work.arguments) or {}


def _exit_with_trace(status: int) -> None:
    """Stands in for ``os._exit`` in a task, to say where it was called.

    A process that ends so leaves no trace of the line, whatever watches its group.
    """
    frames = traceback.format_stack(sys._getframe(1), limit=8)
    os.write(2, "".join([*frames, f"os._exit({status})\n"]).encode())
    _exit(status)


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


def _problem(task: Task, error: BaseException) -> str:
    """What the task is reported for; its traceback goes to the log."""
    if _is_full(error):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
    _print_from(task.work.file, error)
    problem = traceback.format_exception_only(error)[-1].strip()
    limit = task.work.memory
    return memory.exceeded(limit) if memory.is_exhausted(problem) else problem


def _redirect(task: Task) -> None:
    """Send standard output and standard error, of native code too, to files."""
    for descriptor, file in ((1, task.printed), (2, task.log)):
        with file.open("w") as stream:
            os.dup2(stream.fileno(), descriptor)
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)


def _end_with(build: Connection) -> None:
    """Have the system end this process group when the build ends, however it ends.

    ``build`` is a pipe whose other end closes then. Outside Linux, what a killed build
    leaves behind ends when its time is up.
    """
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(build, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(build, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(build, fcntl.F_SETFL, os.O_ASYNC)


def _isolate(work: Job) -> None:
    multiprocessing.set_start_method(None, force=True)  # not the one of this process
    faulthandler.enable(file=2)
    faulthandler.dump_traceback_later(work.limit, exit=True, file=2)
    network.refuse()
    memory.limit(work.memory)


def _cpu() -> float:
    """CPU seconds of this process and of those that it started and that ended."""
    own, children = map(
        resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _run(task: Task) -> tuple[float, str, dict[str, float]]:
    """The seconds that the task took, what went wrong, and its CPU seconds."""
    _redirect(task)
    _isolate(task.work)
    os._exit = _exit_with_trace
    start = time.perf_counter()
    problem, parts = "", {}
    try:
        parts = task.run()
    except BaseException as error:
        problem = _problem(task, error)
    finally:
        os._exit = _exit
        faulthandler.cancel_dump_traceback_later()
    seconds = time.perf_counter() - start
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if not problem and task.printed.stat().st_size:
        problem = "it prints what no page shows; remove the print, or what calls it"
    return seconds, problem, {**parts, "all": _cpu()}


def serve(task: Task, build: Connection, results: Connection) -> None:
    """Run a task, and send how it ended, or that it found the disk full."""
    os.setsid()
    _end_with(build)
    try:
        results.send(_run(task))
    except OSError as error:
        results.send(error)
