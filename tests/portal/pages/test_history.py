"""The history of pages: whole, in order, or said to be missing."""

import re

import pytest

from portal.pages import history


@pytest.fixture
def committed(site, git):
    """A site whose page was committed twice."""
    status = ":orphan:\n\nStatus\n======\n\n.. status::\n"
    root = site(".. newest:: 2", {"docs/status.rst": status})
    git(root, "init", "-q")
    git(root, "add", "docs/attention", "snippets")
    git(root, "commit", "-qm", "Early")
    git(root, "add", "tests")
    git(root, "commit", "-qm", "Late", date="2020-02-04T04:05:06Z")
    return root


def said(build, name="attention/small"):
    assert build.status == 0, build.output
    return re.sub(r"\s+", " ", re.sub("<[^>]*>", "", build.page(name)))


def cut(root, git):
    """As a hosting service checks out: the newest commit alone."""
    (root / ".git/shallow").write_text(f"{history.git(root, 'rev-parse', 'HEAD')}")


def refuse(root, git):
    """As git does in a folder of another owner: it fails."""
    (root / ".git/config").write_text("[core]\n\trepositoryformatversion = 99\n")


def lose(root, git):
    (root / ".git").rename(root / "elsewhere")


@pytest.mark.parametrize("harm", [cut, refuse, lose])
def test_a_history_that_is_not_whole_is_not_told(committed, git, make_html, harm):
    whole = make_html(committed)
    assert "2020-02-04" in said(whole)
    assert (whole.html / "feed.xml").exists()
    harm(committed, git)
    build = make_html(committed)
    for text in (said(build), said(build, "index")):
        assert "2020" not in text
        assert "istory not available here" in text
    assert "The history of this page is not available here." in said(build)
    assert "history not available here: " in build.output
    assert not list(build.html.rglob("feed.xml"))


def test_what_is_not_committed_yet_is_not_called_missing(site, git, make_html):
    root = site()
    git(root, "init", "-q")
    assert "not committed" in said(make_html(root))


def test_commits_of_all_zones_are_in_order(committed, git, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    module = committed / "snippets/attention/small.py"
    for zone in ("2020-02-06T08:00:00+14:00", "2020-02-05T23:00:00-08:00"):
        module.write_text(module.read_text() + "\n")
        git(committed, "commit", "-qam", zone, date=zone)
    found = history.commits_by_file(committed)["snippets/attention/small.py"]
    moments = [commit.moment for _, commit in found]
    assert moments == sorted(moments, reverse=True)
    assert [commit.date for _, commit in found][:2] == ["2020-02-06", "2020-02-05"]


def test_any_file_name_and_message_can_be_read(committed, git):
    (committed / "tests/new\nline").touch()
    with open(bytes(committed / "tests") + b"/\xff", "w"):
        git(committed, "add", "tests")
    options = ("-c", "i18n.commitEncoding=latin-1")
    git(committed, *options, "commit", "-qm", b"Caf\xe9")
    found = history.commits_by_file(committed)
    assert [commit.subject for _, commit in found["tests/new\nline"]] == ["Café"]
