"""Measured values in prose: what scripts left, formatted; mistakes are errors."""

import pytest

from portal.article.measured import formatted


@pytest.fixture
def measuring(site, script):
    """A site whose script measures; takes the body and the values as source text."""

    def measuring(body, values):
        code = f"{script}\nmeasured = {values}\n"
        return site(body, {"snippets/attention/plot_small_line.py": code})

    return measuring


def test_two_scripts_of_a_page_measure_the_same(site, make_html, script):
    code = f"{script}\nmeasured = {{'ratio': 1.5}}\n".replace("'", '"')
    files = {f"snippets/attention/plot_small_{n}.py": code for n in ("line", "more")}
    build = make_html(site(files=files))
    assert build.status != 0
    assert (
        "plot_small_more.py:14: ERROR: plot_small_line.py measures 'ratio' too: rename"
        in build.output
    )


def test_a_value_that_no_page_shows(measuring, make_html):
    root = measuring(":measured:`small.shown`", '{"shown": 1.5, "hidden": 2}')
    build = make_html(root)
    assert build.status != 0
    assert "plot_small_line.py:14: WARNING: no page shows the value 'hidden'" in (
        build.output
    )
    (root / "docs/index.rst").write_text(
        (root / "docs/index.rst").read_text() + "\n:measured:`small.hidden`\n"
    )
    assert make_html(root).status == 0


def test_value_with_format(measuring, make_html):
    build = make_html(
        measuring("It is :measured:`small.ratio | .1f`.", "{'ratio': 21.437}")
    )
    assert build.status == 0, build.output
    assert '<p>It is <span class="measured">21.4</span>.</p>' in build.page()


def test_page_is_read_again_when_the_value_changes(measuring, make_html):
    body = "It is :measured:`small.ratio | .1f`."
    make_html(measuring(body, "{'ratio': 1.5}"))
    build = make_html(measuring(body, "{'ratio': 2.5}"))
    assert '<span class="measured">2.5</span>' in build.page()


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("small.none", "small measured no 'none'; choose from nan, ratio"),
        ("nowhere.ratio", "no script of 'nowhere' ran; choose from small"),
        ("small.nan", "small.nan is nan"),
        ("small.ratio | q", "Unknown format code 'q'"),
    ],
)
def test_mistakes(measuring, make_html, name, cause):
    root = measuring(f":measured:`{name}`", "{'ratio': 1.5, 'nan': float('nan')}")
    build = make_html(root)
    assert build.status != 0
    assert cause in build.output
    assert "docs/index.rst:10: " in build.output


def test_default_format():
    assert formatted(0.123456, "") == "0.123"


def test_a_float_as_a_whole_number_is_rounded():
    assert formatted(4096.0, ",d") == "4,096"
    assert formatted(4095.9999, "d") == "4096"
