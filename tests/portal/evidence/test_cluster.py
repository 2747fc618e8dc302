"""Evidence made on a Dask cluster: a scheduler and two workers on this machine."""

import json
import os
import signal
import subprocess
import sys

import pytest

from portal.evidence.cluster import on_worker
from portal.evidence.inputs import of_script
from portal.evidence.store import Store
from portal.evidence.work import Work
from portal.worker.child import Task

NOTE = """\
import os
import time
from pathlib import Path

import psutil

worker = psutil.Process().parent().parent().pid
with Path(".ran").open("a") as notes:
    notes.write(f"{worker} ")
"""
WAIT = """\
while not Path("may_end").exists():
    time.sleep(0.05)
"""


@pytest.fixture
def launch(root, tmp_path):
    """Starts a module of Python in the repository, and ends it with the test."""
    running = []

    def launch(module, *arguments, **environment):
        with (tmp_path / f"{len(running)}.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, arguments)],
                cwd=root,
                env={**os.environ, "PYTHONPATH": str(root), **environment},
                stdout=log,
                stderr=log,
            )
        process.log = tmp_path / f"{len(running)}.log"
        running.append(process)
        return process

    yield launch
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def cluster(launch, tmp_path, wait_for):
    """The address of a scheduler with two workers of one thread each."""
    file = tmp_path / "scheduler.json"
    local = ("--host", "127.0.0.1", "--scheduler-file", file, "--no-dashboard")
    launch("distributed.cli.dask_scheduler", *local, "--port", "0")
    wait_for(file.is_file)
    for name in ("one", "two"):
        worker = ("--no-nanny", "--nthreads", "1", "--name", name)
        launch("distributed.cli.dask_worker", *local, *worker)
    return json.loads(file.read_text())["address"]


@pytest.fixture
def pages(site, script, page_files):
    """Sites with pages whose scripts end in the given statements."""

    def pages(**endings):
        files = {}
        for page, ending in endings.items():
            files |= page_files("attention", page, f"{script}{ending}")
        root = site(files=files)
        (root / "build/evidence").unlink()
        return root

    return pages


@pytest.fixture
def build(launch):
    def build(root, address):
        folders = ("-d", root / "build/doctrees", root / "docs", root / "build/html")
        arguments = ("-W", "--keep-going", "-c", root, *folders)
        dask = {
            "DASK_SCHEDULER_ADDRESS": address,
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "2s",
        }
        return launch("sphinx", *arguments, **dask)

    return build


def test_a_worker_that_dies_costs_a_retry(pages, cluster, build, wait_for, ran):
    root = pages(small="# cluster\n", slow=NOTE + WAIT)
    made = build(root, cluster)
    wait_for(lambda: len(ran(root)) == 1)
    os.kill(int(ran(root)[0]), signal.SIGKILL)
    wait_for(lambda: len(ran(root)) == 2)
    (root / "snippets/attention/may_end").write_text("")
    assert made.wait() == 0, made.log.read_text()
    assert len(set(ran(root))) == 2
    assert len(Store(root / "build/evidence").entries()) == 4
    page = (root / "build/html/gallery/attention/plot_slow_line.html").read_text()
    assert "A line that rises." in page


def test_failures_are_reported_as_on_this_machine(pages, cluster, build):
    endings = {
        "error": "1 / 0\n",
        "leaves": "import os; os._exit(0)\n",
        "hangs": "# sphinx_gallery_time_limit = 5\nwhile True: pass\n",
        "hoards": "# sphinx_gallery_memory_limit = 1\nbytearray(2**31)\n",
    }
    root = pages(**endings)
    made = build(root, cluster)
    assert made.wait() == 1
    output = made.log.read_text()
    assert "evidence: 4 of 10 failed" in output
    for page, line, cause in [
        ("error", 13, "ZeroDivisionError: division by zero"),
        ("leaves", 13, "exited early"),
        ("hangs", 14, "still running after 5 s"),
        ("hoards", 14, "out of memory: its limit is 1 GiB"),
    ]:
        place = f"{root}/snippets/attention/plot_{page}_line.py:{line}: "
        assert f"{place}ERROR: {cause}" in output


def test_a_worker_with_other_files_or_versions_is_refused(tmp_path):
    script = tmp_path / "snippets/attention/plot_small_line.py"
    script.parent.mkdir(parents=True)
    script.write_text("import torch\n")
    inputs = of_script(script, tmp_path, "portal.worker.script:make", "")
    work = Work("small", script, {**inputs, "torch": "0.1"}, "", ())
    script.write_text("import torch  # other\n")
    with pytest.raises(RuntimeError, match=r"differs in .*/plot_small_line.py, torch"):
        on_worker(Task(work, tmp_path), [])


def test_a_scheduler_that_does_not_answer(pages, build):
    made = build(pages(), "tcp://127.0.0.1:9")
    assert made.wait() == 1
    output = made.log.read_text()
    assert "ERROR: DASK_SCHEDULER_ADDRESS=tcp://127.0.0.1:9: " in output
    assert "Traceback" not in output
