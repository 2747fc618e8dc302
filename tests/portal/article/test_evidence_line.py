"""The evidence line: what it says, where, and that it follows what changed."""

import html
import json
import re

import pytest

TEST = '''\
"""Small, against its definition written as loops.

More.
"""

import pytest


@pytest.mark.parametrize("gap", [0, 3e-9])
def test_small(agrees, gap):
    agrees([1.0], [1.0 + gap], "numpy.linalg.norm")
    agrees([2.0], [2.0], "definition as loops")
'''


def line(build, name="attention/small"):
    found = re.search(r'<div class="evidence".*?</div>', build.page(name), re.DOTALL)
    return found[0] if found else ""


def text(build):
    return " ".join(re.sub(r"<[^>]*>", "", line(build)).split())


@pytest.fixture
def tested(site):
    def tested(test=TEST):
        return site(files={"tests/attention/test_small.py": test})

    return tested


def test_agreements_versions_and_time(tested, make_html):
    import numpy as np

    build = make_html(tested())
    assert build.status == 0, build.output
    said = text(build)
    assert said.startswith(
        f"Agrees with numpy {np.__version__} norm to 3e-09 on 2 inputs; "
        "definition as loops exactly on 2 inputs."
    )
    assert "Ran with Python 3." in said
    assert "history not available here, in under " in said
    for name in ("small.py", "plot_small.py", "test_small.py", "plot_small.ipynb"):
        assert f'/{name}"' in line(build)


def test_data_for_machines(tested, make_html):
    data = re.search(r'data-evidence="([^"]*)"', line(make_html(tested())))[1]
    facts = json.loads(html.unescape(data))
    assert len(facts["agreements"]) == 4
    assert facts["versions"].keys() >= {"Python", "numpy"}


def test_without_agreement_it_says_what_was_checked(tested, make_html):
    test = '"""Small, by invariants."""\n\n\ndef test_small():\n    pass\n'
    assert text(make_html(tested(test))).startswith(
        "Checked: Small, by invariants. Ran"
    )


def test_pages_without_code_have_none(site, make_html):
    prose = {"docs/attention/talk.rst": ":prose:\n\nTalk\n====\n"}
    build = make_html(site(files=prose))
    assert build.status == 0, build.output
    assert line(build, "attention/talk") == ""
    assert line(build, "index") == ""


def test_date_is_that_of_the_commit_and_follows_it(tested, git, make_html):
    root = tested()
    git(root, "init", "-q")
    assert "not committed" in text(make_html(root))
    git(root, "add", "docs/attention", "snippets", "tests")
    git(root, "commit", "-qm", "One")
    assert "2020-02-03" in text(make_html(root))


def test_follows_the_tests(tested, make_html):
    make_html(tested())
    build = make_html(tested(TEST.replace("3e-9", "5e-9")))
    assert "to 5e-09" in text(build)
