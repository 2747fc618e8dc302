"""What readers download runs where there is no checkout."""

import json
import re
import subprocess
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import nbformat
import pytest
from nbclient import NotebookClient

from portal.commands.lab import lay_out
from portal.evidence import files
from portal.outputs import wheel
from portal.outputs.take_away import with_cell

PROJECT = """\
[project]
name = "small"
version = "1.2"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools.packages.find]
include = ["snippets*"]
"""


class Environment:
    """An environment that has the packages of this one, but not the checkout."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder)
        self.python = folder / "bin/python"
        site = sysconfig.get_path("purelib", vars={"base": str(folder)})
        packages = sysconfig.get_path("purelib")
        Path(site, "packages.pth").write_text(packages + "\n")

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess:
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            env={"MPLBACKEND": "agg", "TRITON_INTERPRET": "1", "HOME": str(cwd)},
        )


@pytest.fixture
def elsewhere(tmp_path):
    return Environment(tmp_path / "environment")


def downloads(html: Path, ending: str) -> dict[str, Path]:
    return {path.name: path for path in html.glob(f"_downloads/*/*{ending}")}


def quickest(root: Path) -> dict[str, str]:
    """For each book the script that took least time."""
    seconds = {
        name: files.read(file)["seconds"]
        for name, file in files.of_kind(root / "docs", "run").items()
    }
    found = {}
    for name in sorted(seconds, key=seconds.get):
        book, script = name.split("/")
        found.setdefault(book, script)
    return found


def test_notebooks_begin_with_what_they_need_and_have_no_raw_markup(html):
    notebooks = downloads(html, ".ipynb")
    assert len(notebooks) > 100
    for name, path in notebooks.items():
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        assert "snippets" in code[0], name
        assert "%pip install" in code[0], name
        prose = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
        assert not re.findall(r":\w+:`", "".join(prose)), name


def test_scripts_and_modules_say_where_their_imports_are(html):
    (made,) = html.glob("code/*.whl")
    for name, path in downloads(html, ".py").items():
        head = path.read_text("utf-8").split("\n", 2)[:2]
        assert head[1] == f'#     pip install "code/{made.name}"', name


def test_a_script_of_each_book_runs_elsewhere(html, root, elsewhere, tmp_path):
    (made,) = html.glob("code/*.whl")
    assert elsewhere.run("-c", "import snippets", cwd=tmp_path).returncode
    run = elsewhere.run("-m", "pip", "install", "--no-index", str(made), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    scripts = downloads(html, ".py")
    for book, name in quickest(root).items():
        copy = tmp_path / f"{name}.py"
        copy.write_bytes(scripts[f"{name}.py"].read_bytes())
        run = elsewhere.run(str(copy), cwd=tmp_path)
        assert run.returncode == 0, f"{book}: {run.stderr}"


def test_a_notebook_of_each_book_installs_and_runs(
    html, root, elsewhere, tmp_path, monkeypatch
):
    kernel = tmp_path / "kernels/elsewhere/kernel.json"
    kernel.parent.mkdir(parents=True)
    launch = [str(elsewhere.python), "-m", "ipykernel_launcher"]
    launch += ["-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": launch, "display_name": "elsewhere"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    notebooks = downloads(html, ".ipynb")
    for name in quickest(root).values():
        notebook = nbformat.read(notebooks[f"{name}.ipynb"], as_version=4)
        client = NotebookClient(notebook, kernel_name="elsewhere", timeout=120)
        client.execute(cwd=str(html))


def test_notebooks_are_laid_out_by_book_and_never_overwritten(site, make_html):
    root = site(files={"pyproject.toml": PROJECT})
    with pytest.raises(FileNotFoundError, match="make html"):
        lay_out(root)
    assert make_html(root).status == 0
    (root / "build/html/.complete").touch()
    folder = lay_out(root)
    assert folder.name == "1.2"
    (notebook,) = folder.rglob("*.ipynb")
    assert notebook.relative_to(folder) == Path("attention/plot_small_line.ipynb")
    notebook.write_text("mine")
    lay_out(root)
    assert notebook.read_text() == "mine"


def test_a_version_is_that_of_the_commit(tmp_path):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / ".gitignore").write_text("build\n")
    module = tmp_path / "snippets/a/page.py"
    module.parent.mkdir(parents=True)
    for file in (tmp_path / "snippets/__init__.py", module.parent / "__init__.py"):
        file.touch()
    module.write_text("x = 1\n")
    assert wheel.version(tmp_path) == "1.2"
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    named = wheel.version(tmp_path)
    assert re.fullmatch(r"1\.2\+g[0-9a-f]{10}", named)
    first = wheel.wheel(tmp_path)
    assert first.name == f"small-{named}-py3-none-any.whl"
    assert "snippets/a/page.py" in ZipFile(first).namelist()
    made = first.stat().st_mtime_ns
    assert wheel.wheel(tmp_path).stat().st_mtime_ns == made
    module.write_text("x = 2\n")
    changed = wheel.wheel(tmp_path)
    assert changed.name == f"small-{named}.changed-py3-none-any.whl"
    assert ZipFile(changed).read("snippets/a/page.py") == b"x = 2\n"
    assert not first.exists()


def test_the_cell_stands_before_the_first_code():
    cells = [
        {"cell_type": "markdown", "source": ["# A\n", "b"]},
        {"cell_type": "code", "source": ["import snippets"]},
    ]
    made = json.loads(with_cell(None, json.dumps({"cells": cells}), "one\ntwo"))
    assert [cell["source"] for cell in made["cells"]] == [
        ["# A\n", "b"],
        ["one\n", "two"],
        ["import snippets"],
    ]
