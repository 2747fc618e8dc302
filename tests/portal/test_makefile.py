"""The README's commands: set-up by themselves, and the mark of a whole site."""

import os
import re
import subprocess
import sys

import pytest
import yaml

PYTHON = """\
#!/bin/sh
echo "$@" >> {log}
case "$*" in
  --version) echo "Python {version}";;
  "-m venv --clear .venv") rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
esac
"""


@pytest.fixture
def make(tmp_path, root):
    """Runs make in a folder; returns status and output."""

    def make(*arguments, folder=tmp_path):
        command = ["make", "-f", str(root / "Makefile"), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(root), "MAKEFLAGS": ""}
        run = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True
        )
        return run.returncode, run.stdout + run.stderr

    return make


@pytest.fixture
def setup(tmp_path, make):
    """Runs ``make setup`` with a Python that only takes notes; returns the notes."""
    (tmp_path / "requirements.lock").write_text("torch==1\n")
    (tmp_path / "pyproject.toml").write_text("")

    def setup(*arguments, version="3.11.1"):
        log, python = tmp_path / "log", tmp_path / "python"
        log.unlink(missing_ok=True)
        python.write_text(PYTHON.format(log=log, version=version))
        python.chmod(0o755)
        status, output = make("setup", f"PYTHON={python}", *arguments)
        assert status == 0, output
        calls = log.read_text().splitlines()
        return [call for call in calls if call != "--version"]

    return setup


INSTALL = "-m pip install --disable-pip-version-check -r requirements.lock"


def test_environment_is_made_once(setup):
    assert setup() == ["-m venv --clear .venv", INSTALL]
    assert setup() == []


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_environment_is_remade_when_its_inputs_change(setup, tmp_path, changed):
    setup()
    (tmp_path / changed).write_text("# changed\n")
    assert setup() == ["-m venv --clear .venv", INSTALL]


def test_environment_is_remade_for_another_python(setup):
    setup()
    assert setup(version="3.12.1") == ["-m venv --clear .venv", INSTALL]


def test_an_environment_of_ones_own_is_added_to_and_never_cleared(setup, tmp_path):
    assert setup("VENV=mine") == ["-m venv mine", INSTALL]
    (tmp_path / "mine/precious").write_text("")
    (tmp_path / "requirements.lock").write_text("torch==2\n")
    assert setup("VENV=mine") == [INSTALL]
    assert (tmp_path / "mine/precious").exists()


def test_only_a_whole_site_is_marked_and_a_mistake_is_reported_each_time(site, make):
    folder = site("See :doc:`/nowhere`.")
    html = ("html", "STAMP=", f"BIN={os.path.dirname(sys.executable)}")
    for _ in range(2):
        status, output = make(*html, folder=folder)
        assert status != 0
        assert "there is no page '/nowhere'" in output
        assert not (folder / "build/html/.complete").exists()
    site("See the text.")
    status, output = make(*html, folder=folder)
    assert status == 0, output
    assert (folder / "build/html/.complete").exists()


def test_help_lists_every_command(make, root):
    _, output = make("help")
    (phony,) = re.findall(r"(?m)^\.PHONY: (.*)", (root / "Makefile").read_text())
    listed = re.findall(r"(?m)^([a-z]+) +\S", output)
    assert sorted(listed) == sorted(phony.split())


def test_lint_runs_all_tools_before_it_fails(make, tmp_path):
    for name in ("ruff", "lint-imports", "sphinx-lint"):
        tool = tmp_path / name
        tool.write_text(f'#!/bin/sh\necho "{name} $1 found something"\nexit 1\n')
        tool.chmod(0o755)
    status, output = make("lint", "STAMP=", f"BIN={tmp_path}")
    assert status != 0
    for call in ("ruff check", "ruff format", "lint-imports", "sphinx-lint"):
        assert call in output
    assert output.count("found something") == 4
    assert "make format" in output


def test_the_gate_builds_once_and_before_it_tests(make):
    status, output = make("check", "-n", "STAMP=", "UV=", "LIGHTHOUSE=")
    assert status == 0, output
    builds = [line for line in output.splitlines() if "-b html" in line]
    assert len(builds) == 1
    assert output.index("-b html") < output.index("-m pytest")
    for step in ("ruff", "resolver.py check", "-b epub", "epubcheck", "portal install"):
        assert step in output


def test_both_gates_are_the_same(root):
    assert (root / ".ci/run").read_text().endswith("\nmake check\n")
    workflow = yaml.safe_load((root / ".github/workflows/ci.yml").read_text())
    steps = workflow["jobs"]["check"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["bash .ci/run"]
