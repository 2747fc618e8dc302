"""Tasks in processes of their own, and how each kind of end is reported.

The failing scripts themselves are in ``test_bad_input.py``.
"""

import os
import signal
import time

import pytest

from portal.evidence.process import Task, run

PRELOAD = ["portal.evidence.preload"]


def record(path):
    path.write_text(str(os.getpid()))


def kill_self():
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(seconds):
    time.sleep(seconds)


@pytest.fixture
def task(tmp_path):
    def task(function, *arguments, name="task", limit=30.0):
        script = tmp_path / "plot_none.py"
        return Task(name, script, function, arguments, tmp_path / f"{name}.log", limit)

    return task


def test_every_task_has_its_own_process(task, tmp_path):
    tasks = [task(record, tmp_path / n, name=n) for n in ("one", "two", "three")]
    outcomes = list(run(tasks, 2, PRELOAD))
    assert [outcome.problem for outcome in outcomes] == ["", "", ""]
    pids = {(tmp_path / n).read_text() for n in ("one", "two", "three")}
    assert len(pids) == 3
    assert str(os.getpid()) not in pids


def test_one_that_dies_leaves_the_others(task, tmp_path):
    tasks = [task(kill_self, name="dies"), task(record, tmp_path / "n", name="lives")]
    problems = {
        outcome.task.name: outcome.problem for outcome in run(tasks, 2, PRELOAD)
    }
    assert problems == {"dies": "killed by signal 9", "lives": ""}


def test_one_that_hangs_is_ended(task):
    (outcome,) = run([task(sleep, 60, limit=0.5)], 1, PRELOAD)
    assert outcome.problem == "still running after 0.5 s"
    assert "in sleep" in outcome.output
