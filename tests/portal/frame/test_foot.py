"""The foot of a page: citation, changes, links to check and to report."""

import html
import re

import pytest
from pybtex.database import parse_string


def foot(build, name="attention/small"):
    assert build.status == 0, build.output
    found = re.search(
        r'<aside class="page-foot".*?</aside>', build.page(name), re.DOTALL
    )
    return html.unescape(found[0])


@pytest.fixture
def committed(site, git):
    """A site with two commits to its page, of which the second is to its tests."""
    root = site(files={"docs/status.rst": ":orphan:\n\nStatus\n======\n"})
    git(root, "init", "-q")
    git(root, "add", "docs", "snippets")
    git(root, "commit", "-qm", "Add <small>", date="2020-02-03T04:05:06Z")
    git(root, "add", "tests")
    git(root, "commit", "-qm", "Test small", date="2020-02-04T04:05:06Z")
    return root


def test_changes_are_the_commits_to_any_of_the_four_files(committed, git, make_html):
    (committed / "other").touch()
    git(committed, "add", "other")
    git(committed, "commit", "-qm", "Something else", date="2020-02-05T04:05:06Z")
    build = make_html(committed)
    said = re.findall(r"<time[^>]*>([^<]*)</time> (.*)</li>", foot(build))
    assert said == [("2020-02-04", "Test small"), ("2020-02-03", "Add <small>")]
    assert "Add &lt;small&gt;" in build.page("attention/small")
    assert "page-commits" not in foot(build, "index")


def test_a_commit_shows_without_any_change_of_text(committed, git, make_html):
    assert "last on 2020-02-04" in foot(make_html(committed))
    module = committed / "snippets/attention/small.py"
    module.write_text(module.read_text() + "\n")
    git(committed, "commit", "-qam", "Add a line", date="2020-02-04T05:05:06Z")
    assert "Add a line" in foot(make_html(committed))


def test_citation_has_title_book_date_and_address(committed, make_html, monkeypatch):
    monkeypatch.setenv("READTHEDOCS_CANONICAL_URL", "https://ml.example.org/en/")
    said = foot(make_html(committed))
    entry = parse_string(
        re.search("@misc.*?\n}", said, re.DOTALL)[0], "bibtex"
    ).entries["attention:small"]
    assert entry.fields["title"] == "{Small}"
    assert entry.fields["year"] == "2020"
    assert entry.fields["note"] == "Version of 2020-02-04"
    assert entry.fields["url"] == "https://ml.example.org/en/attention/small.html"
    assert "“Small”, Runnable ML: attention, version of 2020-02-04. https" in said


def test_without_history_or_address_nothing_is_made_up(site, make_html):
    said = foot(make_html(site()))
    assert "The history of this page is not available here." in said
    assert "year" not in said
    assert "localhost" not in said


def test_links_to_what_there_is(committed, make_html):
    assert 'href="../status.html"' in foot(make_html(committed))
    assert 'href="status.html"' in foot(make_html(committed), "index")
    assert "reproductions" not in foot(make_html(committed))
    assert 'href="../../status.html"' in foot(
        make_html(committed), "gallery/attention/plot_small_line"
    )


def test_issue_and_edit_links_only_with_a_repository(site, make_html, monkeypatch):
    root = site()
    assert "https://code.example" not in make_html(root).page("attention/small")
    assert "colab" not in make_html(root).page("attention/small")
    assert 'rel="edit"' not in make_html(root).page("attention/small")
    monkeypatch.setenv("PORTAL_REPOSITORY", "https://github.com/a/b")
    page = make_html(root).page("attention/small")
    issue = (
        "https://github.com/a/b/issues/new?title=attention%2Fsmall%3A+&amp;body=Page%3A"
    )
    assert issue in page
    assert "https://github.com/a/b/edit/main/docs/attention/small.rst" in page
    colab = (
        "https://colab.research.google.com/github/a/b/blob/notebooks/plot_small_line"
    )
    assert f'href="{colab}.ipynb"' in page
    gallery = make_html(root).page("gallery/attention/plot_small_line")
    assert "issues/new" in gallery
    assert "/edit/" not in gallery
