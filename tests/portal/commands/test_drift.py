"""Other versions: what fails with them is traced to the package that broke it."""

import json
import sys

import pytest

from portal.commands import drift
from portal.commands.trial import Trial

FILES = {
    "pyproject.toml": """\
[project]
dependencies = ["numpy>=2", "torch>=2"]
[dependency-groups]
docs = ["sphinx>=9"]
""",
    "requirements.lock": "numpy==2.0\nscipy==1.0\nsphinx==9.0\ntorch==2.0\n",
    "snippets/a/b.py": "import numpy, scipy\n",
    "tests/a/test_b.py": "import torch\nfrom snippets.a import b\n",
}
NEWEST = {"numpy": "2.9", "scipy": "1.9", "torch": "2.9", "sphinx": "9.9"}
TEST, PAGE = "tests/a/test_b.py::test_c", "make html: docs/a/b.rst"


class Changeable:
    """Stands in for a trial: what fails follows from the versions alone."""

    def __init__(self, folder, newest=NEWEST):
        self.folder = self.checkout = folder
        self.newest, self.tried = newest, []

    def start(self, root, pins):
        self.checkout, self.versions = root, {"transformers": "5.0", **self.newest}

    def install(self, *what):
        back = {} if what[0] == "-r" else dict([what[0].split("==")])
        self.versions |= back or self.newest
        self.tried += back

    def installed(self):
        return dict(self.versions)

    def build(self):
        return {PAGE: "unknown"} if self.versions["numpy"] == "2.9" else {}

    def test(self, paths=()):
        old = {TEST: "DeprecationWarning: old"}
        return (7, old) if self.versions["torch"] == "2.9" else (8, {})


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setattr(drift, "pins", lambda root, name: FILES["requirements.lock"])
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_each_failure_is_traced_to_the_package_that_takes_it_away(
    repository, monkeypatch
):
    (repository / "limits.txt").write_text("scipy<2\n")
    monkeypatch.setenv("UV_CONSTRAINT", str(repository / "limits.txt"))
    trial = Changeable(repository)
    record = drift.attempt(trial, repository, "newest", [])
    assert record["failures"] == {
        PAGE: {"why": "unknown", "broken by": ["numpy 2.9"]},
        TEST: {"why": "DeprecationWarning: old", "broken by": ["torch 2.9"]},
    }
    assert record["versions"]["torch"] == "2.9"
    assert record["held back"] == ["scipy<2"]
    assert trial.tried == ["numpy", "torch"]  # not sphinx, which neither file reaches
    assert trial.versions == trial.newest | {"transformers": "5.0"}


def test_what_passes_when_run_again_is_blamed_on_no_package(repository):
    trial = Changeable(repository, NEWEST | {"numpy": "2.0", "torch": "2.0+cpu"})
    trial.start(repository, "")
    broken = drift.blame(trial, {TEST: "OSError"}, NEWEST)
    assert broken == {TEST: ["chance: it passes when run again"]}
    assert trial.tried == []


def test_the_build_of_one_version_counts_as_that_version(repository):
    trial = Changeable(repository, NEWEST | {"torch": "2.0+cpu", "numpy": "2.0"})
    trial.start(repository, "")
    lock = {"numpy": "2.0", "torch": "2.0"}
    assert drift.changed(trial, {TEST: "wrong"}, lock) == []


def test_nothing_is_put_back_where_nothing_fails(repository):
    trial = Changeable(repository, NEWEST | {"numpy": "2.0", "torch": "2.0"})
    record = drift.attempt(trial, repository, "newest", [])
    assert (record["passed"], record["failures"], trial.tried) == (8, {}, [])


def test_records_of_the_others_stay(repository, monkeypatch, capsys):
    monkeypatch.setattr(drift, "Trial", Changeable)
    (repository / drift.RECORD).write_text('{"lock": "before"}')
    assert drift.drift(repository, ["newest"], []) == 1
    records = json.loads((repository / drift.RECORD).read_text())
    assert records["lock"] == "before"
    assert records["newest"]["tried"] == ["everything"]
    assert f"{TEST}: DeprecationWarning: old (torch 2.9)" in capsys.readouterr().out


@pytest.fixture
def trial(tmp_path):
    """A clone of two files, and this environment."""
    python = tmp_path / "venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "checkout").mkdir()
    return Trial(tmp_path)


def test_a_build_is_judged_by_what_it_complains_of(trial):
    makefile = trial.checkout / "Makefile"
    makefile.write_text("html:\n\t@echo /x/docs/a/b.rst:3: WARNING: unknown; exit 1\n")
    assert trial.build() == {PAGE: "/x/docs/a/b.rst:3: WARNING: unknown"}
    makefile.write_text("html:\n\t@echo docs/a/b.rst; test -n $$PORTAL_EVIDENCE\n")
    assert trial.build() == {}


def test_tests_are_counted_and_failures_named(trial):
    (trial.checkout / "test_b.py").write_text(
        "import warnings\n"
        "def test_a():\n    warnings.warn('old', FutureWarning)\n"
        "def test_b():\n    pass\n"
    )
    (trial.checkout / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    failures = {"test_b.py::test_a": "FutureWarning: old"}
    assert trial.test(["test_b.py"]) == (1, failures)


def test_versions_are_those_of_the_environment(trial):
    assert {"sphinx", "typing-extensions"} < trial.installed().keys()
