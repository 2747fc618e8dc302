"""Whether workers will be needed is guessed before the work is listed."""

import importlib.util
import os
from pathlib import Path

import pytest

from portal.evidence import build, gallery, make
from portal.evidence.store import Store
from portal.evidence.work import Work


@pytest.fixture
def root(tmp_path):
    """A site of which one script was saved in second 100, and used in second 200."""
    for name, second in (
        ("snippets/attention/plot_small_line.py", 100),
        ("tests/attention/test_small.py", 100),
        ("build/evidence/0123/manifest.json", 200),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch()
        os.utime(path, (second, second))
    return tmp_path


def test_nothing_has_changed(root):
    assert make.saved(root) == 0


@pytest.mark.parametrize("place", ["snippets", "tests"])
def test_code_was_saved_since(root, place):
    path = next(root.glob(f"{place}/*/*.py"))
    os.utime(path, (201, 201))
    assert make.saved(root) == 1


def test_no_evidence_is_there_yet(root):
    (root / "build/evidence/0123/manifest.json").unlink()
    assert make.saved(root) == 2


def test_a_site_without_code_needs_none(tmp_path):
    assert make.saved(tmp_path) == 0


def test_what_many_tasks_share_is_imported_once_for_all():
    assert make.preload(make.MANY - 1) == list(make.PRELOAD)
    assert set(make.OFTEN) < set(make.preload(make.MANY))
    packages = {name.split(".")[0] for name in make.OFTEN}
    assert all(map(importlib.util.find_spec, packages))


def test_the_longest_goes_first_and_scripts_before_others_without_times(tmp_path):
    assert build.KINDS[0] is gallery.work
    script, test = "attention/plot_small_line.py", "attention/test_small.py"
    wanted = [Work(name, Path(name), {}, "", ()) for name in (script, test)]
    store = Store(tmp_path)

    def order() -> list[str]:
        return [task.work.name for task in make.tasks(wanted, store)]

    assert order() == [script, test]
    for seconds, name in enumerate((script, test)):
        scratch = store.scratch()
        (scratch / "files").mkdir()
        store.put(scratch, name, {"task": name}, float(seconds))
    assert order() == [test, script]
