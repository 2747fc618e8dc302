"""The benchmark: its site, its accounting, and one small run."""

import os
import sys

import pytest

from benchmarks import compare, growth, measure, report, site


def test_the_plan_is_the_same_each_time_and_has_the_promised_seconds():
    seconds = [page.seconds for page in site.plan(60)]
    assert seconds == [page.seconds for page in site.plan(60)]
    assert 0.1 <= min(seconds) < 0.15
    assert 2.5 < max(seconds) <= 3


def test_a_site_depends_on_pages_and_edits_alone(tmp_path):
    pages, other = site.plan(12), tmp_path / "b"
    site.write(tmp_path / "a", pages, "", set())
    site.write(other, pages, "", {"script"})
    site.write(other, pages, "", set())
    for path in (tmp_path / "a").rglob("*.*"):
        if path.is_file():
            twin = other / path.relative_to(tmp_path / "a")
            assert twin.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ("article", "docs/book_0/page_000.rst"),
        ("script", "snippets/book_1/plot_page_001_curve.py"),
        ("module", "snippets/book_0/waves.py"),
    ],
)
def test_an_edit_changes_one_file(edit, changed):
    pages = site.plan(12)
    before, after = site.files(pages, set()), site.files(pages, {edit})
    assert [path for path in before if before[path] != after[path]] == [changed]


def test_half_of_a_book_depends_on_its_module():
    pages = site.plan(60)
    imports = [
        path.rpartition("/")[2]
        for path, text in site.files(pages, set()).items()
        if "book_0.waves import" in text
    ]
    names = [f"{page.name}.py" for page in site.dependents("module", pages)]
    assert imports == names
    assert len(names) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_orphans_are_counted(tmp_path):
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    parent = (
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
    )
    command = [sys.executable, "-c", parent]
    cost = measure.measure(command, dict(os.environ), tmp_path)
    assert cost.cpu > 0.3
    assert cost.wall < cost.cpu


def test_a_failing_build_is_not_measured(tmp_path):
    command = [sys.executable, "-c", "print('why'); exit(3)"]
    with pytest.raises(RuntimeError, match="why"):
        measure.measure(command, dict(os.environ), tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_two_pages_are_built_and_reported(tmp_path):
    pages, place = site.plan(2, 0), tmp_path / "sites"
    records = list(compare.repeat(place, pages, (compare.OURS,), ("cold", "module")))
    assert [record.ran for record in records] == [
        ["page_000", "page_001"],
        ["page_000"],
    ]
    assert all(record.cost.memory > 50 for record in records)
    options = {"pages": 2, "scale": 0, "repeats": 1, "growth": 0, "note": ""}
    report.write(report.Results(options, {"cores": "2"}, records), tmp_path)
    text = (tmp_path / "results.md").read_text()
    assert "| *module* runs exactly its dependents |  | yes | yes |" in text
    assert "| cold: ours |" in text
    assert "*script* runs" not in text  # was not measured


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_portal_of_articles_is_built_and_reported(tmp_path):
    table = growth.run([3], tmp_path)
    assert [row[0] for row in table] == ["3 cold", "3 no-op", "3 one edit"]
    growth.write(table, [3], tmp_path / "growth.md")
    assert "| 3 one edit |" in (tmp_path / "growth.md").read_text()


def test_an_edit_changes_one_article(tmp_path):
    portal = growth.Portal(tmp_path, 3)
    before = portal.files()
    site.write_files(tmp_path, before)
    portal.edit()
    changed = [
        name for name, text in before.items() if (tmp_path / name).read_text() != text
    ]
    assert changed == ["docs/book_00/article_0001.rst"]
