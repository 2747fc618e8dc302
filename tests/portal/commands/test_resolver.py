"""The lock: written by a resolver, and tried on every platform."""

import re

import pytest

from portal.commands.resolver import HEADER, main

UV = """\
#!/bin/sh
[ -f fails ] && {{ cat fails >&2; exit 2; }}
case "$*" in
  *--output-file*) echo "$@" >> asked; cp written "$(echo "$*" | {output})";;
  *windows*) cat resolved on_windows 2>/dev/null;;
  *) cat resolved;;
esac
exit 0
""".format(output="sed 's/.*--output-file //; s/ .*//'")
PINS = "cycler==1.0\ntorch==2.13.0\n"
CUDA = "nvidia-cublas==13.1\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a lock that is right, and a stand-in for uv."""
    uv = tmp_path / "build/uv/bin/uv"
    uv.parent.mkdir(parents=True)
    uv.write_text(UV)
    uv.chmod(0o755)
    texts = {
        "pyproject.toml": '[dependency-groups]\ndocs = ["cycler"]\n',
        "requirements.lock": HEADER + PINS,
        "written": PINS + CUDA,
        "resolved": PINS + CUDA,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_lock_that_is_right(project, capsys):
    assert main("check") == 0
    assert "macOS 14 on Apple silicon" in capsys.readouterr().out


def test_lock_holds_all_groups_and_nothing_of_one_build_of_pytorch(project):
    (project / "requirements.lock").write_text("")
    assert main("lock", "--upgrade") == 0
    assert (project / "requirements.lock").read_text() == HEADER + PINS
    asked = (project / "asked").read_text()
    assert "pyproject.toml --group=docs --universal" in asked
    assert asked.endswith(" --upgrade\n")


def test_lock_that_does_not_follow_the_ranges(project, capsys):
    (project / "written").write_text(PINS + "numpy==2\n")
    assert main("check") == 1
    assert "run make lock" in capsys.readouterr().out


def test_package_that_one_platform_needs_more_is_named(project, capsys):
    (project / "on_windows").write_text("colorama==0.4\n")
    assert main("check") == 1
    lines = capsys.readouterr().out.splitlines()
    assert "Python 3.11, Windows on x86-64: not in requirements.lock: colorama" in lines
    assert len(lines) == 4


def test_versions_that_exclude_each_other_are_reported_as_the_resolver_does(
    project, capsys
):
    (project / "fails").write_text("torch==2.13.0 depends on triton==3.7.1")
    assert main("check") == 1
    assert "torch==2.13.0 depends on triton==3.7.1" in capsys.readouterr().out


def test_without_an_index_nothing_is_said_to_be_checked(project, capsys):
    (project / "fails").write_text("Failed to fetch: https://index.example/torch/")
    assert main("check") == 0
    said = capsys.readouterr()
    assert "NOT CHECKED, the package index does not answer" in said.err
    assert not said.out
    assert main("lock") == 1
    assert (project / "requirements.lock").read_text() == HEADER + PINS


def test_the_committed_lock_pins_each_package_and_names_no_index(root):
    lines = (root / "requirements.lock").read_text().removeprefix(HEADER).splitlines()
    pin = r"(?!cuda-|nvidia-)[\w.-]+==[\w.]+( ; [^;]+)?"
    assert [line for line in lines if not re.fullmatch(pin, line)] == []
