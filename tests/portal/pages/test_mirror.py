"""The layout of this repository, and that breaches of it are found."""

import pytest

from portal.pages.mirror import pages, places, problems


def test_this_repository_keeps_the_layout(root):
    assert len(pages(root)) >= 3
    assert problems(root) == []


@pytest.fixture
def page(tmp_path):
    for place in places("attention", "rope"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("")
    return tmp_path


def test_whole_page(page):
    assert problems(page) == []


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_article_without_a_file(page, missing):
    place = places("attention", "rope")[missing]
    (page / place).unlink()
    expected = f"the page needs {place}: write that file"
    assert problems(page) == [("docs/attention/rope.rst", expected)]


def test_prose_needs_no_code(tmp_path):
    (tmp_path / "docs/practice").mkdir(parents=True)
    (tmp_path / "docs/practice/log.rst").write_text(":prose:\n\nLog\n===\n")
    assert problems(tmp_path) == []


def test_module_without_a_subject(page):
    (page / "snippets/attention/utils.py").write_text("")
    ((place, problem),) = problems(page)
    assert place == "snippets/attention/utils.py"
    assert "names no subject" in problem


def test_generated_pages_are_no_articles(page):
    (page / "docs/gallery").mkdir()
    (page / "docs/gallery/other.rst").write_text("")
    assert problems(page) == []
