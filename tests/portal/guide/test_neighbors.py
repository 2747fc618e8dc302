"""Level, time and neighbors of a page: what it shows, and what follows."""

import re

import pytest

ORDER = ("base", "middle", "top")


def article(name, before="", body="Text."):
    title = name.capitalize()
    return (
        f":prose:\n:summary: About {name}.\n:level: advanced\n"
        f":prerequisites: {before}\n\n{title}\n{'=' * len(title)}\n\n{body}\n"
    )


@pytest.fixture
def chain(site):
    """A page that needs another, which needs a third, and one that stands alone."""
    pages = {
        "base": article("base"),
        "middle": article("middle", "attention/base"),
        "top": article("top", "attention/middle"),
    }
    return site(files={f"docs/attention/{name}.rst": pages[name] for name in ORDER})


def texts(html):
    """The visible text of a piece of HTML."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def part(build, name, start, end):
    page = build.page(f"attention/{name}")
    return page[page.index(start) + len(start) : page.index(end, page.index(start))]


def head(build, name):
    return texts(part(build, name, '<div class="page-facts', "</div>"))


def foot(build, name):
    return texts(part(build, name, ' class="page-follow">', "</nav>"))


def test_head_and_foot(chain, make_html):
    build = make_html(chain)
    assert build.status == 0, build.output
    assert head(build, "base").endswith("Advanced · 1 minute")
    assert head(build, "top").endswith("Advanced · 1 minute · after Middle")
    assert foot(build, "middle") == (
        "Before this page Base 1 minute About base. "
        "After this page Top 1 minute About top."
    )
    assert "The shortest way here" not in foot(build, "middle")
    assert foot(build, "top").endswith(
        "The shortest way here: 2 pages, 2 minutes "
        "Base 1 minute About base. Middle 1 minute About middle."
    )
    assert 'href="base.html"' in part(build, "top", "<details", "</details>")
    assert "page-follow" not in build.page("attention/small")
    assert "page-facts" in build.page("attention/small")
    assert "page-facts" not in build.page()


def written(root):
    pages = (root / "build/html/attention").glob("*.html")
    return {page.stem: page.stat().st_mtime_ns for page in pages}


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("Base\n====", "Basis\n=====", {"base", "middle", "top", "small"}),  # sidebar
        ("About base", "On the base", {"base", "middle", "top"}),
        ("Text.", "Words " * 400, {"base", "middle", "top"}),
        ("Text.", "Other text.", {"base"}),
    ],
)
def test_change_is_seen_where_it_shows_and_nowhere_else(
    chain, make_html, old, new, seen
):
    make_html(chain)
    before = written(chain)
    base = chain / "docs/attention/base.rst"
    base.write_text(base.read_text().replace(old, new))
    build = make_html(chain)
    assert build.status == 0, build.output
    after = written(chain)
    assert {name for name in after if after[name] != before[name]} == seen
    assert all(
        text in foot(build, "middle") for text in re.findall("Basis|On the base", new)
    )


def test_new_and_removed_followers_show(chain, make_html):
    make_html(chain)
    top = chain / "docs/attention/top.rst"
    top.write_text(top.read_text().replace("attention/middle", "attention/base"))
    build = make_html(chain)
    assert "After this page Middle 1 minute About middle. Top" in foot(build, "base")
    assert "After" not in foot(build, "middle").removeprefix("Before and after")
