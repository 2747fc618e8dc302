"""Shares of the evidence: disjoint, balanced, and together everything."""

import shutil
from pathlib import Path

import pytest

from portal.__main__ import main
from portal.evidence.shard import share
from portal.evidence.store import Store
from portal.evidence.work import Work

SECONDS = {"a": 9.0, "b": 5.0, "c": 5.0, "d": 4.0, "e": 1.0}


@pytest.fixture
def works():
    return [Work(name, Path(name), {}, "", ()) for name in sorted(SECONDS)]


def shares(works, seconds, count):
    made = [share(works, seconds, f"{k}/{count}") for k in range(1, count + 1)]
    return [[work.name for work in part] for part in made]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_disjoint_and_together_everything(works, count):
    parts = shares(works, SECONDS, count)
    assert sorted(name for part in parts for name in part) == sorted(SECONDS)


def test_shares_take_about_as_long(works):
    assert shares(works, SECONDS, 2) == [["a", "d"], ["b", "c", "e"]]


def test_what_never_ran_counts_as_the_median(works):
    assert shares(works, {"a": 2.0, "b": 1.0, "c": 1.0}, 2)[0][0] == "a"
    assert [len(part) for part in shares(works, {}, 2)] == [3, 2]


@pytest.mark.parametrize("wrong", ["0/3", "4/3", "1", "a/b", "-1/2"])
def test_a_shard_that_is_none_is_refused(site, capsys, wrong):
    assert main(["evidence", f"--shard={wrong}"], site()) == 1
    assert "write a shard as k/n" in capsys.readouterr().err


def test_jobs_that_share_a_store_make_everything_once(
    site, make_html, script, tmp_path, monkeypatch
):
    monkeypatch.setenv("PORTAL_EVIDENCE", str(tmp_path / "shared"))
    root = site(files={"snippets/attention/plot_small_line.py": f"{script}\n# shard\n"})
    store = Store(root / "build/evidence")
    (root / "build/evidence").unlink()
    made = []
    for part in ("1/2", "2/2"):
        assert main(["evidence", "--shard", part], root) == 0
        made += [entry.task for entry in store.entries()]
        shutil.rmtree(store.folder)
    assert sorted(made) == ["attention/plot_small_line.py", "attention/test_small.py"]
    assert not (root / "docs/gallery").exists()
    assert not (tmp_path / "shared/times.json").exists()
    build = make_html(root)
    assert build.status == 0
    assert "attention/" not in build.output.split("generating gallery")[0]
    assert (tmp_path / "shared/times.json").exists()


def test_a_failure_ends_the_job(site, script, capfd):
    root = site(files={"snippets/attention/plot_small_line.py": f"{script}1 / 0\n"})
    assert main(["evidence"], root) == 1
    assert "plot_small_line.py:13: ERROR: ZeroDivisionError" in capfd.readouterr().err
