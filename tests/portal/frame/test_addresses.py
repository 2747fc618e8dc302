"""Published addresses stay: the list is checked, and a moved page leads on."""

import pytest

from portal.frame.addresses import listed, publish
from portal.pages.history import git

MOVED = "# The list.\nindex\nattention/tiny attention/small\n"


def test_a_moved_page_leads_to_its_new_place(site, make_html):
    build = make_html(site(files={"docs/addresses.txt": MOVED}))
    assert build.status == 0, build.output
    old = build.page("attention/tiny")
    assert '<meta http-equiv="refresh" content="0; url=small.html">' in old
    assert '<a href="small.html">Small</a>' in old
    assert "attention/tiny" not in (build.html / "sitemap.xml").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("attention/gone", "the published page attention/gone is gone"),
        ("attention/tiny attention/gone", "moved to attention/gone, which is not a"),
        ("attention/small index", "attention/small is listed as moved"),
    ],
)
def test_an_address_that_leads_nowhere_stops_the_build(site, make_html, line, message):
    build = make_html(site(files={"docs/addresses.txt": f"{MOVED}{line}\n"}))
    assert build.status != 0
    assert "addresses.txt:4: WARNING: " in build.output
    assert message in build.output


def test_publishing_adds_what_is_new_and_takes_nothing_away(tmp_path):
    docs = tmp_path / "docs"
    (docs / "attention").mkdir(parents=True)
    for page in ("404", "index", "attention/small"):
        (docs / f"{page}.rst").touch()
    (docs / "addresses.txt").write_text(MOVED)
    assert publish(tmp_path) == ["attention/small"]
    assert (docs / "addresses.txt").read_text() == f"{MOVED}attention/small\n"
    assert publish(tmp_path) == []


def test_no_line_was_ever_taken_away(root):
    """The list of the portal has each address that any commit had in it."""
    options = ("log", "--patch", "--format=", "--", "docs/addresses.txt")
    past = [line[1:] for line in git(root, *options).splitlines() if line[:1] in "+-"]
    once = listed("\n".join(line for line in past if line[:2] not in ("++", "--")))
    now = listed((root / "docs/addresses.txt").read_text())
    assert "index" in now
    assert once.keys() - now.keys() == set()
