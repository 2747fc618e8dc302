"""Tasks in processes of their own, and how each kind of end is reported.

The failing scripts themselves are in ``test_bad_input.py``.
"""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from portal.evidence.process import run
from portal.evidence.work import Work
from portal.worker.child import Task

PRELOAD = ["portal.worker.preload"]


def record(files, path):
    path.write_text(str(os.getpid()))


def compute_in_a_child(files, seconds):
    code = f"import time\nwhile time.process_time() < {seconds}: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    return {"drawing": 0.25}


def kill_self(files):
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(files, seconds):
    time.sleep(seconds)


def hoard(files, piece):
    pieces = []
    while True:
        pieces.append(bytearray(piece))


def hoard_tensor(files):
    import torch

    torch.ones(2**28)


def hoard_in_a_library(files):
    """What a C++ library does when its allocation is refused."""
    os.write(2, b"terminate called after throwing 'std::bad_alloc'\n")
    os.abort()


def take(files, size):
    bytearray(size)


def fill_the_disk(files):
    try:
        raise OSError(errno.ENOSPC, "No space left on device")
    except OSError as error:
        raise RuntimeError("cannot save") from error


@pytest.fixture
def task(tmp_path):
    def task(function, *arguments, name="task", limit=30.0, memory=4.0):
        script, folder = tmp_path / "plot_none.py", tmp_path / f"folder of {name}"
        folder.mkdir()
        maker = f"{function.__module__}:{function.__name__}"
        work = Work(name, script, {}, maker, arguments, limit, memory=memory)
        return Task(work, folder)

    return task


def test_every_task_has_its_own_process(task, tmp_path):
    tasks = [task(record, tmp_path / n, name=n) for n in ("one", "two", "three")]
    outcomes = list(run(tasks, 2, PRELOAD))
    assert [outcome.problem for outcome in outcomes] == ["", "", ""]
    pids = {(tmp_path / n).read_text() for n in ("one", "two", "three")}
    assert len(pids) == 3
    assert str(os.getpid()) not in pids


def test_cpu_seconds_are_those_of_children_too_and_of_the_parts_that_are_told(task):
    (outcome,) = run([task(compute_in_a_child, 0.5)], 1, PRELOAD)
    assert outcome.problem == ""
    assert outcome.cpu["all"] >= 0.5
    assert outcome.cpu["drawing"] == 0.25


def test_one_that_dies_leaves_the_others(task, tmp_path):
    tasks = [task(kill_self, name="dies"), task(record, tmp_path / "n", name="lives")]
    problems = {
        outcome.task.work.name: outcome.problem for outcome in run(tasks, 2, PRELOAD)
    }
    why = "probably because the machine ran out of memory"
    assert problems == {"dies": f"killed by signal 9, {why}", "lives": ""}


def test_one_that_hangs_is_ended(task):
    (outcome,) = run([task(sleep, 60, limit=0.5)], 1, PRELOAD)
    assert outcome.problem == "still running after 0.5 s"
    assert "in sleep" in outcome.output


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (hoard, (2**26,)),
        (hoard, (2**10,)),
        (hoard_tensor, ()),
        (hoard_in_a_library, ()),
    ],
)
def test_one_that_takes_too_much_memory_is_ended(task, function, arguments):
    (outcome,) = run([task(function, *arguments, memory=0.25)], 1, PRELOAD)
    assert outcome.problem == "out of memory: its limit is 0.25 GiB"
    assert f"in {function.__name__}" in outcome.output


def test_memory_is_counted_beyond_what_the_server_has(task):
    (outcome,) = run([task(take, 2**27, memory=0.25)], 1, PRELOAD)
    assert outcome.problem == ""


def test_a_full_disk_is_no_failure_of_the_script(task):
    tasks = [task(fill_the_disk), task(sleep, 60, name="after")]
    start = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        list(run(tasks, 1, PRELOAD))
    assert time.monotonic() - start < 30  # the others are not waited for
