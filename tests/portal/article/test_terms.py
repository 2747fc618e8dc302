"""The first mention of a term shows its definition; what a definition may lack."""

import re

import pytest

GLOSSARY = """\
:orphan:

Words
=====

.. glossary::

   perplexity
      How many choices are
      as hard to guess.

      The formula is :math:`e^H`. See :doc:`/attention/small`.

   AUC
   area under the curve
      The chance of a right order. See :term:`perplexity`.
"""
ARTICLE = """\
Perplexity
==========

Perplexity, *perplexities*, and perplexity again; the auc, ``AUC``, and areas
under a curve; two AUCs, and :math:`AUC`; the area
under the curve.

.. list-table::

   * - AUC
"""


def mentions(page):
    """Word, address and definition of each mention on a page."""
    found = re.findall(r'<a class="term" (.*?)>(.*?)</a>', page, re.DOTALL)
    return [
        (
            " ".join(word.split()),
            re.search('href="(.*?)"', start)[1],
            re.search('data-definition="(.*?)"', start)[1],
        )
        for start, word in found
    ]


@pytest.fixture
def words(site):
    return site(files={"docs/words.rst": GLOSSARY, "docs/attention/small.rst": ARTICLE})


def test_the_first_mention_of_a_term_has_its_definition(words, make_html):
    build = make_html(words)
    assert build.status == 0, build.output
    assert mentions(build.page("attention/small")) == [
        (
            "Perplexity",
            "../words.html#term-perplexity",
            "How many choices are as hard to guess.",
        ),
        (
            "AUCs",
            "../words.html#term-AUC",
            "The chance of a right order. See perplexity.",
        ),
    ]
    assert mentions(build.page("words")) == []


def test_pages_follow_the_glossary(words, make_html):
    make_html(words)
    glossary = words / "docs/words.rst"
    glossary.write_text(GLOSSARY.replace("as hard", "as easy"))
    page = make_html(words).page("attention/small")
    assert mentions(page)[0][2] == "How many choices are as easy to guess."


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("as hard to guess.", ":math:`e^H`.", "'perplexity' has no formula in its"),
        ("See :term:`perplexity`.", "", "'AUC' leads on to a page or to another"),
        ("      How many choices are\n      as hard", "      * as hard", "begins with"),
        (":term:`perplexity`", ":term:`perplexed`", "term not in glossary"),
        ("   AUC\n", "   perplexity\n", "duplicate term description of perplexity"),
    ],
)
def test_a_wrong_definition_stops_the_build(site, make_html, right, wrong, message):
    text = GLOSSARY.replace(right, wrong)
    assert text != GLOSSARY
    build = make_html(site(files={"docs/words.rst": text}))
    assert build.status != 0
    assert message in build.output
    assert re.search(r"words\.rst:\d+: WARNING", build.output)
