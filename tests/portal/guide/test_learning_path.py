"""Learning paths: what they show, that it is kept right, and mistakes."""

import re

import pytest

PATH = ".. learning-path::\n\n   attention/{}\n   attention/{}\n"


def article(name, before=""):
    return (
        f":prose:\n:summary: About {name}.\n:level: advanced\n"
        f":prerequisites: {before}\n\n{name}\n{'=' * len(name)}\n\nText.\n"
    )


@pytest.fixture
def with_path(site):
    def with_path(first, second):
        pages = {
            "docs/attention/base.rst": article("Base"),
            "docs/attention/middle.rst": article("Middle", "attention/base"),
            "docs/attention/top.rst": article("Top", "attention/middle"),
        }
        return site(PATH.format(first, second), pages)

    return with_path


def text(build):
    page = build.page()
    start = page.index('<div class="learning-path')
    shown = re.sub(r"<[^>]*>", " ", page[page.index(">", start) + 1 :])
    return " ".join(shown.split())


def test_pages_times_and_what_is_taken_for_granted(with_path, make_html):
    build = make_html(with_path("middle", "top"))
    assert build.status == 0, build.output
    assert text(build).startswith(
        "2 pages, 2 minutes. It takes for granted Base . "
        "Middle 1 minute About Middle. Top 1 minute About Top."
    )


def test_follows_its_pages(with_path, make_html):
    root = with_path("base", "middle")
    make_html(root)
    middle = root / "docs/attention/middle.rst"
    middle.write_text(middle.read_text().replace("About Middle", "Half way"))
    build = make_html(root)
    assert "Half way." in text(build)


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [
        ("base", "nowhere", "there is no page 'attention/nowhere'"),
        ("base", "base", "attention/base is listed twice"),
        ("middle", "base", "attention/middle comes before attention/base, which"),
        ("top", "base", "attention/top comes before attention/base, which"),
    ],
)
def test_mistake(with_path, make_html, first, second, cause):
    build = make_html(with_path(first, second))
    assert build.status != 0
    (message,) = [line for line in build.output.splitlines() if cause in line]
    assert re.search(r"docs/index.rst:1\d: WARNING: learning path: ", message)


def test_path_that_becomes_wrong(with_path, make_html):
    root = with_path("base", "middle")
    make_html(root)
    for name, before in (("base", "attention/middle"), ("middle", "")):
        page = root / f"docs/attention/{name}.rst"
        page.write_text(article(name.capitalize(), before))
    assert "attention/base comes before attention/middle" in make_html(root).output
