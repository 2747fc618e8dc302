"""Formulas in the titles of sources."""

import re

SOURCE = r"@misc{real, author={A. Bee}, title={The {$\ell_1$} norm, \$5}, year=2001}"


def test_a_formula_of_a_source_is_set_and_searched_as_text(site, make_html):
    article = "Small\n=====\n\nBy :cite:t:`real`.\n\n.. bibliography::\n"
    files = {"docs/references.bib": SOURCE, "docs/attention/small.rst": article}
    root = site(files=files)
    build = make_html(root)
    assert build.status == 0, build.output
    page = build.page("attention/small")
    source = re.search('<div class="citation".*?</div>', page, re.DOTALL)[0]
    assert source.count('class="katex"') == 1
    assert "norm, $5" in source
    assert "$\\" not in page
    assert "katex.min.css" in page
    searched = root / "build/doctrees/search/pages/attention/small.html"
    assert 'title="A. Bee The ℓ₁ norm, $5"' in searched.read_text("utf-8")
