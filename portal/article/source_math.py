r"""Formulas in titles of sources: ``title = {The $\ell_1$ norm}``, as BibTeX has it.

In the list of a page's sources they are set as all formulas are; the search, and the
tooltip of a citation, get them as a line of text.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from portal.article.title_math import readable

FORMULA = re.compile(r"(?<!\\)\$((?:[^$\\]|\\.)+)\$")


def plain(text: str) -> str:
    r"""Text from BibTeX with its formulas as text.

    >>> plain(r"The $\ell _1$ norm for \$5")
    'The ℓ₁ norm for $5'
    """
    return FORMULA.sub(lambda found: readable(found[1]), text).replace(r"\$", "$")


def parts(text: str) -> list[nodes.Node]:
    r"""The same as nodes.

    >>> parts(r"The $\ell _1$ norm")
    [<#text: 'The '>, <math: <#text: '\\ell _1'>>, <#text: ' norm'>]
    """
    made: list[nodes.Node] = []
    for number, part in enumerate(FORMULA.split(text)):
        tex = number % 2
        made.append(nodes.math(part, part) if tex else nodes.Text(plain(part)))
    return made


class SourceMath(SphinxPostTransform):
    """Makes formulas of what stands between dollars in the sources of a page."""

    default_priority = 20  # sources are there after 5, citations lead to them after 10

    def run(self, **kwargs: Any) -> None:
        for source in self.document.findall(nodes.citation):
            for text in list(source.findall(nodes.Text)):
                if "$" in text:
                    text.parent.replace(text, parts(text.astext()))
        for link in self.document.findall(nodes.reference):
            if "$" in link.get("reftitle", ""):
                link["reftitle"] = plain(link["reftitle"])


def setup(app: Sphinx) -> None:
    app.add_post_transform(SourceMath)
