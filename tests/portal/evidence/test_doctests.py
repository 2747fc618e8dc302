"""Doctests of articles and of modules are evidence: a page that has rotted stops."""

import pytest

from portal.evidence import doctests
from portal.evidence import site as sites

ARTICLE = "docs/attention/small.rst"
MODULE = "snippets/attention/small.py"
TEXT = (
    "Small\n=====\n\n>>> from snippets.attention.small import small\n>>> small(2)\n4\n"
)
CODE = '''\
def small(x):
    """Twice as much.

    >>> small(2)
    4
    """
    return 2 * x
'''


@pytest.mark.parametrize(
    ("path", "line", "old", "new", "cause"),
    [
        (ARTICLE, 8, "4\n", "5\n", "Got:\n        4"),
        (ARTICLE, 7, "import small", "import smaller", "cannot import name 'smaller'"),
        (MODULE, 4, "    4\n", "    5\n", "Got:\n        4"),
        (MODULE, 4, ">>> small(2)", ">>> smaller(2)", "'smaller' is not defined"),
    ],
)
def test_one_that_fails_stops_the_build(site, make_html, path, line, old, new, cause):
    texts = {ARTICLE: TEXT, MODULE: CODE}
    root = site(files={**texts, path: texts[path].replace(old, new)})
    build = make_html(root)
    assert build.status == 1
    assert f"{root / path}:{line}: ERROR: AssertionError: a doctest" in build.output
    assert cause in build.output


@pytest.mark.parametrize(("path", "line"), [(ARTICLE, 8), (MODULE, 4)])
def test_one_that_is_malformed_is_told_by_its_line(site, make_html, path, line):
    texts = {ARTICLE: TEXT, MODULE: CODE}
    text = texts[path].replace(">>> small(2)", ">>>small(2)")
    build = make_html(site(files={**texts, path: text}))
    assert build.status == 1
    assert f"{path}:{line}: ERROR: malformed doctest: line" in build.output


def test_each_is_run_when_what_it_depends_on_changed(site, make_html):
    root = site(files={ARTICLE: TEXT, MODULE: CODE})
    assert make_html(root).status == 0

    def ran_after(path, old, new):
        file = root / path
        file.write_text(file.read_text().replace(old, new))
        build = make_html(root)
        assert build.status == 0, build.output
        return {name for name in (ARTICLE, MODULE) if f"{name} (doct" in build.output}

    assert ran_after(ARTICLE, "Small\n=====\n", "Small\n=====\n\nProse.\n") == set()
    assert ran_after(ARTICLE, "small(2)\n4", "small(3)\n6") == {ARTICLE}
    assert ran_after(MODULE, "2 * x", "x + x") == {ARTICLE, MODULE}


def test_examples_of_a_module_may_import_what_it_does_not(site):
    code = CODE.replace(
        ">>> small(2)", ">>> from snippets.attention import other\n    >>> small(2)"
    )
    root = site(files={MODULE: code, "snippets/attention/other.py": ""})
    (work,) = doctests.work(sites.read(root))
    assert "snippets/attention/other.py" in work.inputs


def test_a_file_without_examples_is_no_work(site):
    assert doctests.work(sites.read(site())) == []
