"""The ``snippet`` directive: what it cuts out of a module, and how it links."""

import re

import pytest

from portal.article.snippet import numbered

MODULE = '''\
LIMIT = 3


def double(x):
    """Twice ``x``."""
    return 2 * x


@cache
def triple(x):
    return 3 * x


class Layer:
    """A layer."""

    def forward(self, x):
        """Apply it."""
        return x
'''


def cut(*what, **options):
    return "\n".join(line for _, line in numbered(*what, **options))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("LIMIT", "LIMIT = 3"),
        ("double", "def double(x):\n    return 2 * x"),
        ("triple", "@cache\ndef triple(x):\n    return 3 * x"),
        ("Layer", "class Layer:\n    def forward(self, x):\n        return x"),
    ],
)
def test_source_without_docstrings(name, expected):
    assert cut(MODULE, name) == expected


def test_docstring_on_request():
    assert '"""Twice ``x``."""' in cut(MODULE, "double", docstring=True)


def test_the_module_can_be_downloaded_below_the_listing(site, make_html):
    build = make_html(site(".. snippet:: attention.small.small"))
    assert build.status == 0, build.output
    link = re.search(r'<p class="snippet-file">.*?href="([^"]*)"', build.page())[1]
    assert link.endswith("/small.py")
    assert (build.html / link).read_text() == "def small(x):\n    return 2 * x\n"


def test_unknown_name_is_told_what_there_is():
    with pytest.raises(LookupError, match="LIMIT, Layer, double, triple"):
        numbered(MODULE, "none")


def test_page_shows_the_code_and_links_lead_to_it(site, make_html):
    name = "attention.small.small"
    body = f".. snippet:: {name}\n\nSee :func:`~snippets.{name}`."
    build = make_html(site(body))
    assert build.status == 0, build.output
    page = build.page()
    assert 'id="snippets.attention.small.small"' in page
    assert 'href="#snippets.attention.small.small"' in page


def test_gallery_links_to_the_page_that_shows_the_code(site, make_html, script):
    code = script.replace(
        "import matplotlib",
        "from snippets.attention.small import small\nimport matplotlib",
    ).replace("[0, 1]", "[0, small(1)]")
    build = make_html(
        site(
            ".. snippet:: attention.small.small",
            {"snippets/attention/plot_small_line.py": code},
        )
    )
    assert build.status == 0, build.output
    gallery = build.page("gallery/attention/plot_small_line")
    assert 'href="../../index.html#snippets.attention.small.small"' in gallery


def test_page_is_read_again_when_its_code_changes(site, make_html):
    root = site(".. snippet:: attention.small.small")
    assert make_html(root).status == 0
    (root / "snippets/attention/small.py").write_text("def small(x):\n    return 9\n")
    assert '<span class="mi">9</span>' in make_html(root).page()


def test_two_pages_show_a_function_and_references_lead_to_the_indexed_one(
    site, make_html
):
    snippet = ".. snippet:: attention.small.small\n"
    again = f":prose:\n\nAgain\n=====\n\n{snippet}"
    body = f"{snippet}   :no-index:\n\nSee :func:`snippets.attention.small.small`."
    root = site(body, {"docs/attention/again.rst": again})
    build = make_html(root)
    assert build.status == 0, build.output
    assert build.page().count("return") == 1
    link = 'href="attention/again.html#snippets.attention.small.small"'
    assert link in build.page()
    (root / "docs/index.rst").write_text(
        (root / "docs/index.rst").read_text().replace("   :no-index:\n", "")
    )
    build = make_html(root)
    assert build.status != 0
    assert "duplicate object description of snippets.attention.small" in build.output
    assert "other instance in attention/again, use :no-index: for one" in build.output
