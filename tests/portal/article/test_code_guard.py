"""The code guard: what may stand on a page untested, and what may not."""

import pytest

from portal.article.code_guard import untested


@pytest.mark.parametrize(
    "body",
    [
        ">>> 1 + 1\n2",
        ".. code-block:: python\n\n   >>> 1 + 1\n   2",
        ".. code-block:: console\n\n   $ make html",
        ".. snippet:: attention.small.small",
        ".. literalinclude:: ../snippets/attention/small.py",
        ".. admonition:: Answer\n   :collapsible: closed\n\n   >>> 1 + 1\n   2",
    ],
)
def test_tested_or_inert(site, make_html, body):
    build = make_html(site(body))
    assert build.status == 0, build.output


def test_include_from_elsewhere_is_refused(site, make_html):
    build = make_html(
        site(".. literalinclude:: other.py", {"docs/other.py": "x = 1\n"})
    )
    assert "included from outside snippets/" in build.output


def test_doctest_that_docutils_shows_but_pytest_does_not_run(site, make_html):
    """A prompt without the blank after it is no example for the doctest parser."""
    build = make_html(site(".. code-block:: text\n\n   >>> 1 + 1\n   2"))
    problem = "the page shows 0 doctest examples, but pytest runs 1"
    assert f"docs/index.rst:12: WARNING: untested code: {problem}" in build.output


def test_doctest_in_a_cell_of_a_table_is_refused_with_its_line(site, make_html):
    cells = [">>> 1 + 1   # a", "2", "", "b           c"]
    rule = "==========  ======="
    table = "\n".join([rule, *cells, rule])
    build = make_html(site(f">>> 1\n1\n\n{table}\n\n>>> 3\n3"))
    assert build.status != 0
    problem = "the page shows 3 doctest examples, but pytest runs"
    assert f"docs/index.rst:14: WARNING: untested code: {problem}" in build.output


def test_second_paragraph_is_looked_at():
    assert untested(">>> 1\n1\n\nx = 1").startswith("Python that is not a doctest")
