"""Counts: on the status page, in prose, on the terminal, all the same."""

import json

import pytest

from portal.__main__ import main
from portal.overview.status import collect

PAGE = {"docs/status.rst": "Status\n======\n\n.. status::\n"}
TOCTREE = "\n\n.. toctree::\n   :hidden:\n\n   status\n"


@pytest.fixture
def counted(site):
    def counted(body):
        article = "Small\n=====\n\n.. snippet:: attention.small.small\n\n>>> 1 + 1\n2\n"
        return site(body + TOCTREE, {**PAGE, "docs/attention/small.rst": article})

    return counted


def test_counts(counted, make_html):
    root = counted("Text.")
    make_html(root)
    known = collect(root, ["reproduced", "reproduced", "contradicted"])
    assert known["pages"] == known["listings"] == known["doctests"] == 1
    assert known["comparisons"] == known["references"] == known["figures"] == 1
    assert known["claims"] == 3
    assert known["verdicts"] == {"reproduced": 2, "contradicted": 1}
    assert known["seconds"] == {"attention/plot_small_line": 1}


def test_page_and_prose_show_the_counts(counted, make_html):
    build = make_html(counted("There are :status:`pages` pages."))
    assert build.status == 0, build.output
    assert "There are 1 pages." in build.page()
    assert "Comparisons with a reference" in build.page("status")


def test_prose_follows_a_changed_count(counted, make_html):
    root = counted("There are :status:`doctests` examples.")
    make_html(root)
    article = root / "docs/attention/small.rst"
    article.write_text(article.read_text() + "\n>>> 2 + 2\n4\n")
    assert "There are 2 examples." in make_html(root).page()


def test_an_article_follows_a_count_that_another_changes(counted, make_html):
    root = counted("Text.")
    article = root / "docs/attention/small.rst"
    article.write_text(f"{article.read_text()}\nOf :status:`pages` pages.\n")
    assert "Of 1 pages." in make_html(root).page("attention/small")
    (root / "docs/attention/other.rst").write_text(
        ":prose:\n:orphan:\n:summary: Other.\n:level: advanced\n\nOther\n=====\n"
    )
    assert "Of 2 pages." in make_html(root).page("attention/small")


def test_unknown_count(counted, make_html):
    build = make_html(counted("There are :status:`stars`."))
    assert build.status != 0
    assert (
        "docs/index.rst:10: ERROR: there is no count 'stars'; choose from "
        in build.output
    )


def test_terminal_and_file(counted, make_html, capsys):
    root = counted("Text.")
    assert main(["status"], root) == 1
    assert "run make html first" in capsys.readouterr().err
    make_html(root)
    assert main(["status"], root) == 0
    assert "Doctest examples in articles" in capsys.readouterr().out
    assert json.loads((root / "build/status.json").read_text())["pages"] == 1
