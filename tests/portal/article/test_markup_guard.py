"""Markup that docutils lets pass, refused with its line; what is right beside it."""

import re

WRONG = """\
See `rope` here.

.. image:: dot.png

.. figure:: dot.png

   A dot.

.. list-table::

   * - a
     - `The page <rope.html#there>`_

A `note <ftp://a.org/b>`__.
"""
RIGHT = """\
.. image:: dot.png
   :alt: A dot.

.. figure:: dot.png
   :alt: A dot.

   See :doc:`/attention/small`, ``rope``, `elsewhere <https://example.org/a.html>`_,
   <mailto:a@example.org>, :download:`dot.png`, :ref:`search` and `Site`_.

.. gallery-figure:: small.line
"""
PROBLEMS = [
    (10, "single backticks: write ``rope`` for code, *rope* for emphasis"),
    (12, "the image 'dot.png' has no alternative text: say with :alt: what it shows"),
    (14, "the image 'dot.png' has no alternative text: say with :alt: what it shows"),
    (21, "nothing checks the link to 'rope.html#there': use :doc: for a page"),
    (23, "nothing checks the link to 'ftp://a.org/b': use :doc: for a page"),
]


def test_each_mistake_has_its_line_and_what_is_right_passes(site, make_html):
    root = site(WRONG)
    (root / "docs/dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    build = make_html(root)
    assert build.status != 0
    found = re.findall(r"index.rst:(\d+): (?:WARNING|ERROR): (.*)", build.output)
    assert len(found) == len(PROBLEMS)
    for (line, problem), (place, cause) in zip(PROBLEMS, found, strict=True):
        assert int(place) == line
        assert cause.startswith(problem)
    site(RIGHT)
    build = make_html(root)
    assert build.status == 0, build.output
