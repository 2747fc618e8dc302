"""Whether an installed package imports, module by module."""

import sys

import pytest

from portal.__main__ import main
from portal.commands import resolver
from portal.commands.install import failing_imports


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes modules of a package that the next Python finds."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def package(**modules):
        (tmp_path / "pack").mkdir()
        for name, text in {"__init__": "", **modules}.items():
            (tmp_path / f"pack/{name}.py").write_text(text)

    return package


def test_modules_that_do_not_import_are_named_and_the_others_tried(package):
    package(first="import absent_one", second="", third="from absent_two import x")
    assert failing_imports(sys.executable, "pack") == [
        "pack.first: No module named 'absent_one'",
        "pack.third: No module named 'absent_two'",
    ]


def test_scripts_of_figures_are_not_run(package):
    package(plot_first="import absent_one")
    assert failing_imports(sys.executable, "pack") == []


def test_package_that_is_not_there(package):
    (said,) = failing_imports(sys.executable, "pack")
    assert "No module named 'pack'" in said


def test_without_an_index_nothing_is_said_to_be_installed(
    tmp_path, monkeypatch, capsys
):
    def compiled(*_):
        raise resolver.Unreachable("the package index does not answer")

    monkeypatch.setattr(resolver, "compiled", compiled)
    assert main(["install"], tmp_path) == 0
    assert "NOT CHECKED, the package index does not" in capsys.readouterr().err
    assert not (tmp_path / "build").exists()
