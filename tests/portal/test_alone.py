"""To a script it looks as if it ran alone, and what it started ends with it."""

import signal
import subprocess
from pathlib import Path

import pytest

from portal.worker.source_tree import is_source, written

# How a script may start processes, as its author would try it with plain Python.
WAYS = {
    "pool": """\
import multiprocessing

with multiprocessing.Pool(2) as pool:
    assert pool.map(square, [1, 2, 3]) == [1, 4, 9]""",
    "spawned": """\
import multiprocessing

with multiprocessing.get_context("spawn").Pool(1) as pool:
    assert pool.map(square, [3]) == [9]""",
    "served": """\
import multiprocessing

with multiprocessing.get_context("forkserver").Pool(1) as pool:
    assert pool.map(square, [3]) == [9]""",
    "executor": """\
from concurrent.futures import ProcessPoolExecutor

with ProcessPoolExecutor(2) as executor:
    assert list(executor.map(square, [1, 2, 3])) == [1, 4, 9]""",
    "joblib": """\
from joblib import Parallel, delayed

print(Parallel(n_jobs=2)(delayed(square)(i) for i in range(3)))""",
    "loader": """\
from torch.utils.data import DataLoader, Dataset

loader = DataLoader(Numbers(), batch_size=4, num_workers=2)
assert [batch.tolist() for batch in loader] == [[0, 1, 4, 9]]""",
    "left": """\
import subprocess

subprocess.Popen(["sleep", "600"])""",
}
DEFINITIONS = """\
def square(x):
    return x * x


class Numbers:
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return square(i)


if __name__ == "__main__":
"""


def indented(code: str) -> str:
    return "".join(f"    {line}\n" for line in code.splitlines())


def test_scripts_start_processes_as_alone(site, start, script, page_files):
    """The pipe to the build's output is closed: no process that they left holds it."""
    files = {}
    for name, code in WAYS.items():
        text = f"{script}\n\n{DEFINITIONS}{indented(code)}"
        files |= page_files("attention", f"with_{name}", text)
    build = start(site(files=files))
    output, _ = build.communicate(timeout=300)
    assert build.returncode == 0, output


def running() -> set[str]:
    """The arguments of all processes that run now."""
    ps = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True)
    return set(ps.stdout.splitlines())


SLEEPING = """
import subprocess

subprocess.Popen(["sleep", "{seconds}"])
while True:
    pass
"""


@pytest.mark.parametrize(("name", "seconds"), [("SIGKILL", 602), ("SIGINT", 603)])
def test_a_task_ends_with_the_build(site, start, script, wait_for, name, seconds):
    code = script + SLEEPING.format(seconds=seconds)
    build = start(site(files={"snippets/attention/plot_small_line.py": code}))
    wait_for(lambda: f"sleep {seconds}" in running())
    build.send_signal(getattr(signal, name))
    wait_for(lambda: f"sleep {seconds}" not in running())


def test_what_a_task_started_ends_with_it_however_it_ends(site, start, script):
    """Here the time runs out."""
    limit = "# sphinx_gallery_time_limit = 2\n"
    code = script + limit + SLEEPING.format(seconds=601)
    build = start(site(files={"snippets/attention/plot_small_line.py": code}))
    output, _ = build.communicate(timeout=300)
    assert "still running after 2 s" in output
    assert "sleep 601" not in running()


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("fig.savefig('figure.png')", "snippets/attention/figure.png"),
        ("open('notes', 'a')", "snippets/attention/notes"),
        ("import os; os.mkdir('new')", "snippets/attention/new"),
        ("import os; os.remove('small.py')", "snippets/attention/small.py"),
    ],
)
def test_a_script_that_writes_into_the_checkout(
    site, make_html, script, statement, name
):
    code = f"{script}{statement}\n"
    line = code.splitlines().index(statement) + 1
    root = site(files={"snippets/attention/plot_small_line.py": code})
    before = sorted(root.rglob("[!_]*.p*"))
    build = make_html(root)
    assert build.status == 1
    assert f"snippets/attention/plot_small_line.py:{line}: " in build.output
    assert f"may not write into the checkout: {root / name}" in build.output
    assert sorted(root.rglob("[!_]*.p*")) == before


def test_a_script_may_write_to_a_temporary_folder(site, make_html, script):
    code = f"""\
{script}
import tempfile
from pathlib import Path

with tempfile.TemporaryDirectory() as folder:
    Path(folder, "weights").write_text("0")
"""
    build = make_html(site(files={"snippets/attention/plot_small_line.py": code}))
    assert build.status == 0, build.output


def test_reading_is_no_writing():
    assert written("open", ("words.txt", "r", 0o2000000)) is None
    assert written("os.rename", ("old", "new", -1, -1)) == "new"
    assert not is_source(Path("/site/build/../.cache/x"), Path("/site"))


@pytest.mark.parametrize(
    "files",
    [
        {  # past what Sphinx-Gallery shows below a cell
            "snippets/attention/plot_small_line.py": "import os; os.write(1, b'noise')",
        },
        {
            "snippets/attention/small.py": "def small(x):\n    print('noise')\n"
            "    y = x\n    return y\n",
            "docs/attention/small.rst": "Small\n=====\n\n"
            ".. snippet:: attention.small.small\n   :shapes: small(torch.ones(2))\n",
        },
    ],
)
def test_print_that_nothing_shows(site, make_html, script, files):
    files = {
        path: f"{script}{text}\n" if "plot_" in path else text
        for path, text in files.items()
    }
    build = make_html(site(files=files))
    assert build.status == 1
    assert "it prints what no page shows" in build.output
    assert "\n    noise" in build.output


def test_what_a_cell_prints_is_shown(site, make_html, script):
    code = f"{script}print('a table')\n"
    build = make_html(site(files={"snippets/attention/plot_small_line.py": code}))
    assert build.status == 0, build.output
    assert "a table" in build.page("gallery/attention/plot_small_line")
