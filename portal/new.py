"""``make new page=book/page title="…"`` starts a page.

Writes the article, its reference implementation, its gallery script and its test, and
adds the page to the table of contents of its book. All of it builds, lints and passes.
Nothing is overwritten: if one of the files exists, none is written.
"""

import re
from pathlib import Path

from portal.mirror import places

ARTICLE = """\
:summary: One sentence that says what a reader takes from {title}.
:level: introductory
:prerequisites:
:aliases:

{title}
{rule}

One concrete fact or number that makes a reader want the rest, and the question that
this page answers.

The idea
--------

The idea in words, then as one equation whose symbols are all named:

.. math::
   :label: {label}-idea

   y = 2 x .

Equation :eq:`{label}-idea` in code:

.. snippet:: {book}.{page}.{page}

.. gallery-figure:: {book}.{page} 1

   What to see here, and the number.

A worked number
---------------

>>> from snippets.{book}.{page} import {page}
>>> {page}(1.5)
3.0
"""

MODULE = '''\
"""{title}: what it does, in one clause.

Author et al. (year), https://arxiv.org/abs/0000.00000
"""


def {page}(x: float) -> float:
    """What comes back, and its unit.

    Examples
    --------
    >>> {page}(2.0)
    4.0
    """
    return 2 * x
'''

SCRIPT = '''\
"""
{title}: what the figure shows
{rule}=======================

The figure of :doc:`/{book}/{page}`.
"""

import matplotlib.pyplot as plt
import numpy as np

from snippets.{book}.{page} import {page}

# %%
# What to look for
# ----------------
# One to three lines.

x = np.linspace(0, 1, 11)
y = [{page}(value) for value in x]
assert y[-1] == 2

fig, ax = plt.subplots()
ax.plot(x, y)
ax.set(xlabel="x", ylabel="y")
fig.set_label("Line through the origin that rises to 2 at x = 1.")

measured = {{"at_one": y[-1]}}
'''

TEST = '''\
"""{title} against NumPy."""

import numpy as np

from snippets.{book}.{page} import {page}


def test_agrees_with_numpy(agrees):
    x = np.linspace(-1, 1, 7)
    agrees([{page}(value) for value in x], np.add(x, x), "numpy.add")
'''

TEMPLATES = (ARTICLE, MODULE, SCRIPT, TEST)


def with_entry(index: str, page: str) -> str:
    """A *Start here* page whose table of contents ends with ``page``.

    >>> print(with_entry("Book\\n====\\n", "rope"))
    Book
    ====
    <BLANKLINE>
    .. toctree::
       :hidden:
    <BLANKLINE>
       rope
    <BLANKLINE>
    """
    toctree = re.search(r"^\.\. toctree::\n(   .*\n|\n(?=   ))*", index, re.MULTILINE)
    if toctree is None:
        return f"{index.rstrip()}\n\n.. toctree::\n   :hidden:\n\n   {page}\n"
    return f"{index[: toctree.end()]}   {page}\n{index[toctree.end() :]}"


def new(page: str, title: str, root: Path) -> list[Path]:
    """Write the files of ``book/page`` below ``root``; returns what was written.

    Raises
    ------
    ValueError
        If ``page`` is not ``book/page`` in lower case, the book is unknown, or the
        title is empty.
    FileExistsError
        If one of the files exists, or another book has a page of that name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*", page):
        raise ValueError(f"page={page}: write book/page in lower case, as rope/angles")
    if not title.strip():
        raise ValueError('a page needs a title: title="Rotary position embedding"')
    book, name = page.split("/")
    index = root / f"docs/{book}/index.rst"
    if not index.is_file():
        books = sorted(path.parent.name for path in root.glob("docs/*/index.rst"))
        raise ValueError(f"there is no book {book}; the books are {', '.join(books)}")
    files = places(book, name)
    taken = [
        *root.glob(f"docs/*/{name}.rst"),
        *(f for f in files if (root / f).exists()),
    ]
    if taken:
        raise FileExistsError(f"{page}: {taken[0]} exists; nothing was written")
    words = {
        "book": book,
        "page": name,
        "title": title.strip(),
        "label": name.replace("_", "-"),
        "rule": "=" * len(title.strip()),
    }
    header = Path(f"snippets/{book}/GALLERY_HEADER.rst")
    texts = {f: text.format(**words) for f, text in zip(files, TEMPLATES, strict=True)}
    if not (root / header).exists():
        heading = index.read_text("utf-8").splitlines()[0]
        texts[header] = f"{heading}\n{'-' * len(heading)}\n"
    for file, text in texts.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text, "utf-8")
    index.write_text(with_entry(index.read_text("utf-8"), name), "utf-8")
    return [*texts, index.relative_to(root)]
