"""Generate a site: six books, and for each page an article, module, script and test.

The articles use no markup of the portal, so that every variant builds the same files.
A site is a function of its pages and of the edits made to it: the same again in another
folder is what an incremental build is compared with.
"""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
BOOKS = 6
EDITS = ("article", "script", "module")

SETTINGS = {
    "ours": "",
    "stock": """
extensions[extensions.index("portal")] = "sphinx_gallery.gen_gallery"
html_math_renderer = "mathjax"
plot_gallery = "True"
sphinx_gallery_conf["parallel"] = {parallel}
del sphinx_gallery_conf["image_scrapers"], sphinx_gallery_conf["reset_modules"]
""",
}

BURN = '''\
"""Work that takes the same seconds of a core whoever runs it."""

import os
import time

import numpy as np
import torch


def burn(seconds, page):
    """Multiply matrices for so many CPU seconds; note that the script ran."""
    with open(os.environ["BENCHMARK_RAN"], "a") as log:
        log.write(f"{page}\\n")
    matrix = torch.eye(96, dtype=torch.float64)
    start = time.process_time()
    while time.process_time() - start < seconds:
        matrix = matrix @ matrix
        np.linalg.norm(matrix.numpy())
    return float(matrix.trace())
'''

WAVES = '''\
"""What half of the pages of this book import."""

import numpy as np

AMPLITUDE = {amplitude}


def wave(x):
    return AMPLITUDE * np.sin(x)
'''

MODULE = '''\
"""The method of page {page}."""

import numpy as np
{imports}

def method(x):
    """A curve that the script draws."""
    return {value} + np.cos({number} * x)
'''

SCRIPT = '''\
"""
The figure of page {page}
===========================

A curve, after {seconds:.3f} seconds of work.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

from snippets.burn import burn
from snippets.{book}.{page} import method

# %%
# What to look for
# ----------------
# One curve.

trace = burn({seconds:.3f}, "{page}")
x = np.linspace(0, {span}, 200)
y = torch.as_tensor(method(x)) + trace

fig, ax = plt.subplots()
ax.plot(x, y)
ax.set(xlabel="x", ylabel="y")
fig.set_label("One curve.")
'''

TEST = '''\
"""Page {page} against the definition."""

import numpy as np

from snippets.{book}.{page} import method


def test_is_finite(agrees):
    x = np.linspace(0, 1, 7)
    agrees(method(x), [method(value) for value in x], "definition as loops")
'''

ARTICLE = """\
:summary: A curve, an equation and a listing.
:level: introductory
:prerequisites: {before}

Page {page}
=============

The {number}th of the pages that a benchmark builds.{edited} It has the parts of a real
article: prose, an equation, a listing, a figure and a worked number.

The idea
--------

.. math::
   :label: {page}-idea

   y_{{{number}}} = a \\sin x + \\cos {number} x, \\qquad a = \\frac{{1}}{{2}}

Equation :eq:`{page}-idea` in code:

.. literalinclude:: ../../snippets/{book}/{page}.py
   :language: python
   :pyobject: method

.. figure:: /gallery/{book}/images/sphx_glr_plot_{page}_curve_001.png
   :alt: One curve.

   Drawn by :doc:`/gallery/{book}/plot_{page}_curve`.

A worked number
---------------

>>> {number} + 1
{successor}
"""

INDEX = """\
{title}
{rule}

.. toctree::

   {entries}
"""


@dataclass(frozen=True)
class Page:
    """One page; ``shares`` says whether it imports the module that gets edited."""

    number: int
    seconds: float

    @property
    def name(self) -> str:
        return f"page_{self.number:03}"

    @property
    def book(self) -> str:
        return f"book_{self.number % BOOKS}"

    @property
    def before(self) -> str:
        """The page of its book to read first, if any."""
        number = self.number - BOOKS
        if number < 0 or self.number % 10 == 0:
            return ""
        return f"{self.book}/page_{number:03}"

    @property
    def shares(self) -> bool:
        return (self.number + self.number // BOOKS) % 2 == 0


def plan(count: int, scale: float = 1.0) -> list[Page]:
    """Pages whose scripts compute 0.1 to 3 s, log-uniform, times ``scale``."""
    draw = random.Random(0).random
    return [Page(number, scale * 0.1 * 30 ** draw()) for number in range(count)]


def dependents(edit: str, pages: list[Page]) -> list[Page]:
    """Pages whose script must run again after an edit."""
    return {
        "article": [],
        "script": pages[1:2],
        "module": [page for page in pages if page.book == "book_0" and page.shares],
    }[edit]


def page_files(page: Page, edits: set[str]) -> dict[str, str]:
    words = {
        "page": page.name,
        "book": page.book,
        "before": page.before,
        "number": page.number,
        "successor": page.number + 1,
        "seconds": page.seconds,
        "edited": " Edited." if "article" in edits and page.number == 0 else "",
        "span": 20 if "script" in edits and page.number == 1 else 8,
        "imports": f"\nfrom snippets.{page.book}.waves import wave\n" * page.shares,
        "value": "wave(x)" if page.shares else "x",
    }
    templates = {
        f"docs/{page.book}/{page.name}.rst": ARTICLE,
        f"snippets/{page.book}/{page.name}.py": MODULE,
        f"snippets/{page.book}/plot_{page.name}_curve.py": SCRIPT,
        f"tests/{page.book}/test_{page.name}.py": TEST,
    }
    return {path: text.format(**words) for path, text in templates.items()}


def index(title: str, entries: list[str]) -> str:
    return INDEX.format(title=title, rule="=" * 8, entries="\n   ".join(entries))


def files(pages: list[Page], edits: set[str]) -> dict[str, str]:
    """Path and text of every file but the configuration."""
    books = sorted({page.book for page in pages})
    contents = [*(f"{book}/index" for book in books), "gallery/index"]
    made = {
        "docs/index.rst": index("The site", contents),
        "docs/references.bib": "",
        "snippets/GALLERY_HEADER.rst": ":orphan:\n\nGallery\n=======\n",
        "snippets/__init__.py": "",
        "snippets/burn.py": BURN,
    }
    for book in books:
        own = [page.name for page in pages if page.book == book]
        edited = "module" in edits and book == "book_0"
        made |= {
            f"docs/{book}/index.rst": index(book, own),
            f"snippets/{book}/GALLERY_HEADER.rst": f"{book}\n------\n",
            f"snippets/{book}/__init__.py": "",
            f"snippets/{book}/waves.py": WAVES.format(amplitude=2.25 if edited else 1),
        }
    for page in pages:
        made |= page_files(page, edits)
    return made


def configuration(settings: str = "") -> dict[str, str]:
    """The portal's own ``conf.py``, and what a variant changes in it."""
    return {"conf.py": (REPOSITORY / "conf.py").read_text("utf-8") + settings}


def write_files(root: Path, wanted: dict[str, str]) -> None:
    """Write files below ``root``, and the portal's style sheets and templates.

    Files that are right stay untouched.
    """
    for name, text in wanted.items():
        path = root / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for name in ("docs/_extra", "docs/_static", "docs/_templates"):
        if not (root / name).exists():
            shutil.copytree(REPOSITORY / name, root / name)


def write(root: Path, pages: list[Page], settings: str, edits: set[str]) -> None:
    """Write the site below ``root``."""
    write_files(root, {**configuration(settings), **files(pages, edits)})
