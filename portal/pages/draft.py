"""The text that ``make new`` writes, and that no page is published with.

What an author has to write is marked ``TODO:``. A page with such a mark in one of its
files is a draft: ``make live`` shows it, and ``make html`` fails and names each mark.
"""

from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

from portal.order import Inited
from portal.pages.mirror import places, scripts

MARK = "TODO:"

ARTICLE = """\
:summary: TODO: one sentence on {title}.
:level: introductory
:prerequisites:
:aliases:

{title}
{rule}

TODO: one concrete fact or number that makes a reader want the rest, and the question
that this page answers.

The idea
--------

TODO: the idea in words, then as one equation whose symbols are all named:

.. math::
   :label: {label}-idea

   y = 2 x .

Equation :eq:`{label}-idea` in code:

.. snippet:: {book}.{page}.double

.. gallery-figure:: {page}.line

   TODO: what to see here, and the number: :measured:`{page}.at_one`.

A worked number
---------------

>>> from snippets.{book}.{page} import double
>>> double(1.5)
3.0
"""

MODULE = '''\
"""TODO: {title} in one sentence.

TODO: author (year), https://arxiv.org/abs/0000.00000
"""


def double(x: float) -> float:
    """TODO: what comes back, and its unit.

    Examples
    --------
    >>> double(2.0)
    4.0
    """
    return 2 * x
'''

SCRIPT = '''\
"""
TODO: {title}, drawn
======{rule}=======

The figure of :doc:`/{book}/{page}`.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.{book}.{page} import double

# %%
# What to look for
# ----------------
# TODO: one to three lines.

x = np.linspace(0, 1, 11)
y = [double(value) for value in x]
assert y[-1] == 2

fig, ax = plt.subplots()
ax.plot(x, y)
ax.set(xlabel="x", ylabel="y")
fig.set_label("TODO: line through the origin that rises to 2 at x = 1.")

measured = {{"at_one": y[-1]}}
'''

TEST = '''\
"""TODO: {title} against NumPy."""

import numpy as np

from snippets.{book}.{page} import double


def test_agrees_with_numpy(agrees):
    x = np.linspace(-1, 1, 7)
    agrees([double(value) for value in x], np.add(x, x), "numpy.add")
'''

logger = logging.getLogger(__name__)


def marks(text: str) -> Iterator[tuple[int, str]]:
    """Line and text of each mark.

    >>> list(marks("Rope\\n====\\n\\nTODO: the idea in words.\\n"))
    [(4, 'the idea in words.')]
    """
    for number, line in enumerate(text.split("\n"), 1):
        _, mark, task = line.partition(MARK)
        if mark:
            yield number, task.strip(' "\n')


def check(app: Sphinx) -> None:
    root = Path(app.confdir)
    files = []
    for page, own in scripts(root).items():
        article, module, test = places(*page)
        files += [article, module, *own, test]
    for file in (root / place for place in files):
        if file.is_file():
            for number, task in marks(file.read_text("utf-8", "replace")):
                text = f"still to write in this draft: {task}"
                logger.warning("%s", text, location=f"{file}:{number}", type="draft")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", check, priority=Inited.LAYOUT)
