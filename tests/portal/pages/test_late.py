"""What a page shows of others follows them, and nothing else is written again."""

import pytest

OTHER = ":prose:\n:summary: Other.\n:level: advanced\n\nOther\n=====\n\n{}\n"
SMALL = "Small\n=====\n\nIt takes :reading-time:`attention/other`.\n"


@pytest.fixture
def built(site, make_html):
    other = {"docs/attention/other.rst": OTHER.format("Short.")}
    root = site(files={"docs/attention/small.rst": SMALL, **other})
    build = make_html(root)
    assert build.status == 0, build.output
    assert "It takes 1 minute." in build.page("attention/small")
    return root


def test_a_page_is_written_again_when_its_view_has_changed(built, make_html):
    (built / "docs/attention/other.rst").write_text(OTHER.format("Words. " * 1000))
    assert "It takes 4 minutes." in make_html(built).page("attention/small")


def test_a_page_stays_when_its_view_is_the_same(built, make_html):
    page = built / "build/html/attention/small.html"
    before = page.stat().st_mtime_ns
    (built / "docs/attention/other.rst").write_text(OTHER.format("Other words."))
    assert "Other words." in make_html(built).page("attention/other")
    assert page.stat().st_mtime_ns == before


def test_pages_read_by_several_processes_are_filled_in(site, make_html):
    files = {
        f"docs/attention/other_{n}.rst": OTHER.format(":reading-time:`attention`")
        for n in range(8)
    }
    build = make_html(site(files=files), "-j", "2")
    assert build.status == 0, build.output
    assert "9 minutes" in build.page("attention/other_7")
