"""Reference tests as evidence: run in the build, noted, and a failure stops it."""

import json

import pytest

TEST = """\
def test_first(agrees):
    agrees([1.0, 2.0], [1.0, 2.0], "numpy.array")


def test_second():
    assert {value} == 1
"""


@pytest.fixture
def tested(site):
    """A site whose page has the given reference tests."""

    def tested(text):
        return site(files={"tests/attention/test_small.py": text})

    return tested


def test_notes_lie_beside_the_page(tested, make_html):
    root = tested(TEST.format(value=1))
    build = make_html(root)
    assert build.status == 0, build.output
    file = root / "docs/gallery/attention/test_small.agreements.json"
    (note,) = json.loads(file.read_text())
    assert note["reference"] == "numpy.array"
    assert note["shape"] == [2]


def test_failing_reference_test_stops_the_build(tested, make_html):
    build = make_html(tested(TEST.format(value=2)))
    assert build.status != 0
    assert "tests/attention/test_small.py:6: " in build.output
    assert "the page's reference tests fail" in build.output
    assert "assert 2 == 1" in build.output


def test_page_without_a_test_stops_the_build(tested, make_html):
    build = make_html(tested("# nothing yet\n"))
    assert build.status != 0
    assert "tests/attention/test_small.py:1: " in build.output
    assert "no test here: compare the page's code" in build.output


def test_unchanged_tests_do_not_run_again(tested, make_html):
    root = tested(TEST.format(value=1))
    make_html(root)
    assert "test_small.py " not in make_html(root).output.split("generating")[0]
    module = root / "snippets/attention/small.py"
    module.write_text(module.read_text() + "# changed\n")
    before = make_html(root).output.split("generating")[0]
    assert "test_small.py " not in before  # the test does not import the module
