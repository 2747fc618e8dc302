"""The line of evidence and its details: what they say, where, and what they follow."""

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


def details(build):
    page = build.page("attention/small")
    return re.search(r"<section [^>]*evidence-details.*?</section>", page, re.S)[0]


def text(markup):
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", markup)).split())


@pytest.fixture
def tested(site):
    def tested(test=TEST):
        return site(files={"tests/attention/test_small.py": test})

    return tested


def test_the_line_is_short_and_leads_to_the_details(tested, make_html):
    build = make_html(tested())
    assert build.status == 0, build.output
    assert text(line(build)) == "Checked against numpy"
    target = re.search(r'href="#([^"]*)"', line(build))[1]
    assert f' id="{target}"' in details(build)


def test_details_have_agreements_versions_time_and_files(tested, make_html):
    import numpy as np

    build = make_html(tested())
    said = text(details(build))
    assert "Small, against its definition written as loops." in said
    assert f"numpy {np.__version__} (norm), within 3e-09 on 2 inputs" in said
    assert "definition as loops, exactly on 2 inputs" in said
    assert "The scripts ran with Python 3." in said
    assert ", in under " in said
    assert "Last change: history not available here. " in said
    for name in (
        "small.py",
        "plot_small_line.py",
        "test_small.py",
        "plot_small_line.ipynb",
    ):
        assert f'/{name}"' in details(build)


def test_data_for_machines(tested, make_html):
    data = re.search(r'data-evidence="([^"]*)"', line(make_html(tested())))[1]
    facts = json.loads(html.unescape(data))
    assert len(facts["agreements"]) == 4
    assert facts["versions"].keys() >= {"Python", "numpy"}
    assert facts.keys() >= {"checked", "commit", "date", "seconds"}


def test_without_a_library_it_names_what_was_compared(tested, make_html):
    test = TEST.replace("numpy.linalg.norm", "a table")
    build = make_html(tested(test))
    assert text(line(build)) == "Checked against a table and definition as loops"


def test_without_agreement_it_says_what_was_checked(tested, make_html):
    test = '"""Small, by invariants."""\n\n\ndef test_small():\n    pass\n'
    build = make_html(tested(test))
    assert text(line(build)) == "Checked by its own tests"
    assert "Small, by invariants." in text(details(build))
    assert "agrees" not in details(build)


def test_pages_without_code_have_none(site, make_html):
    prose = {"docs/attention/talk.rst": ":prose:\n\nTalk\n====\n"}
    build = make_html(site(files=prose))
    assert build.status == 0, build.output
    assert line(build, "attention/talk") == ""
    assert line(build, "index") == ""


def test_date_is_that_of_the_commit_and_follows_it(tested, git, make_html):
    root = tested()
    git(root, "init", "-q")
    assert "Last change: not committed." in text(details(make_html(root)))
    git(root, "add", "docs/attention", "snippets", "tests")
    git(root, "commit", "-qm", "One")
    build = make_html(root)
    assert text(line(build)) == "Checked against numpy, 2020-02-03"
    assert "Last change: 2020-02-03 (commit " in text(details(build))


def test_follows_the_tests(tested, make_html):
    make_html(tested())
    build = make_html(tested(TEST.replace("3e-9", "5e-9")))
    assert "within 5e-09" in text(details(build))
