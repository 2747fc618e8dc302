"""Formulas in titles: set in the heading, readable text wherever a title is shown."""

import json
import re
from html import unescape

import pytest

from portal.article.title_math import readable

TITLE = r"Loss :math:`\ell_1 < x^2` bounds"
ARTICLE = f"""\
:prose:

.. _own:

{TITLE}
{"=" * len(TITLE)}

Text.

At :math:`x^2`
--------------

More text.
"""
TEXT = "Loss ℓ₁ &lt; x² bounds"


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\mathcal{L}_{\text{CE}}", "L_CE"),
        (r"x_{i,j}^{n + 1}", "x_(i,j)ⁿ⁺¹"),
        (r"f'(-1, x)", "f\u2032(\u22121, x)"),
        (r"\operatorname{softmax}(QK^2)", "softmax(QK²)"),
        (r"\binom{n}{k} \sqrt[3]{x + 1}", "(n choose k)³√(x + 1)"),
        (r"\lambda \to \infty", "λ → ∞"),
        (r"k\text{-means}", "k-means"),
        (r"\begin{matrix} a & b \end{matrix}", r"\begin{matrix} a & b \end{matrix}"),
    ],
)
def test_a_formula_as_a_line_of_text(tex, text):
    assert readable(tex) == text


def test_every_place_that_shows_a_title_shows_text(site, make_html, git):
    root = site(
        ":doc:`/attention/bound`, :ref:`own`", {"docs/attention/bound.rst": ARTICLE}
    )
    git(root, "init")
    git(root, "add", "docs")
    git(root, "commit", "-m", "Write")
    build = make_html(root)
    assert build.status == 0, build.output
    page = build.page("attention/bound")
    heading = re.search("<h1>(.*?)</h1>", page, re.DOTALL)[1]
    assert heading.count('class="katex"') == 1
    assert page.count('class="katex"') == 2  # and one in its section
    assert f"<title>{TEXT} - " in page
    assert f'content="{TEXT} · ' in page
    assert page.count(TEXT) >= 5  # and in the sidebar, the outline and the citation
    other = build.page()
    assert "katex" not in other
    assert other.count(TEXT) >= 4  # in both references, the sidebar and the next page
    for name in ("llms.txt", "feed.xml", "attention/bound.txt"):
        assert "Loss ℓ₁ < x² bounds" in unescape((build.html / name).read_text("utf-8"))
    known = (build.html / "searchindex.js").read_text("utf-8")
    assert json.dumps("Loss ℓ₁ < x² bounds") in known
    searched = root / "build/doctrees/search/pages/attention/bound.html"
    assert f'"title[title]" title="{TEXT}"' in searched.read_text("utf-8")
