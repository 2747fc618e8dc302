"""The layout of this repository, and that breaches of it are found."""

from pathlib import Path

import pytest

from portal.pages.mirror import pages, places, problems, scripts

SCRIPT = Path("snippets/attention/plot_rope_decay.py")


def test_this_repository_keeps_the_layout(root):
    assert len(pages(root)) >= 3
    assert problems(root) == []


@pytest.fixture
def page(tmp_path):
    for place in (*places("attention", "rope"), SCRIPT):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("")
    return tmp_path


def test_whole_page(page):
    assert problems(page) == []


@pytest.mark.parametrize("missing", [*places("attention", "rope")[1:], SCRIPT])
def test_article_without_a_file(page, missing):
    (page / missing).unlink()
    needed = str(missing).replace("decay", "<figure>")
    ((place, problem),) = problems(page)
    assert place == "docs/attention/rope.rst"
    assert problem.startswith("the page needs ")
    assert f"{needed}: write" in problem


def test_scripts_are_of_the_page_with_the_longest_name(page):
    longer = places("attention", "rope_scaling")
    own = Path("snippets/attention/plot_rope_scaling_loss.py")
    for file in (*longer, own):
        (page / file).write_text("")
    assert scripts(page) == {
        ("attention", "rope"): [SCRIPT],
        ("attention", "rope_scaling"): [own],
    }
    assert problems(page) == []


def test_a_script_of_no_page(page):
    for name in ("plot_alibi_decay", "plot_rope"):
        (page / f"snippets/attention/{name}.py").write_text("")
    found = dict(problems(page))
    assert found.keys() == {
        "snippets/attention/plot_alibi_decay.py",
        "snippets/attention/plot_rope.py",
    }
    assert all("call it plot_<page>_<figure>.py" in said for said in found.values())


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
