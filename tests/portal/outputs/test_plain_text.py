"""Pages as plain text: everything that a page shows, in a form for machines."""

BODY = """\
Inline :math:`x < y`, :measured:`small.ratio | .2f`, `elsewhere <https://example.org/>`_.

.. math::
   :label: square

   y = x^2

.. gallery-figure:: small.line

   What to see.

.. snippet:: attention.small.small
   :shapes: small(torch.ones(2, 3))

>>> 1 + 1
2

.. list-table::

   * - a
     - b

.. admonition:: Answer
   :collapsible: closed

   Hidden.
"""


SHOWN = (
    "Inline $x < y$, 1.50, elsewhere <https://example.org/>.",
    "$$\n   y = x^2\n   $$  (1)",
    "[Figure: A line that rises.]",
    "What to see.",
    "return 2 * x  # return (2, 3)",
    ">>> 1 + 1\n2",
    "Hidden.",
)


def test_nothing_is_lost_and_nothing_is_left_of_html(site, script, make_html):
    code = f"{script}\nmeasured = {{'ratio': 1.5}}\n"
    files = {
        "snippets/attention/plot_small_line.py": code,
        "docs/attention/other.rst": f":prose:\n\nOther\n=====\n\n{BODY}",
    }
    build = make_html(site(files=files))
    assert build.status == 0, build.output
    text = (build.html / "attention/other.txt").read_text()
    assert [part for part in SHOWN if part not in text] == []
    assert text.startswith("Runnable ML\n\n")
    assert "<span" not in text


def test_llms_txt_lists_every_article(site, make_html):
    build = make_html(site())
    assert (build.html / "llms.txt").read_text().splitlines()[-1] == (
        "- [Small](http://localhost:8000/attention/small.txt): What it says."
    )
    page = build.page("attention/small")
    assert '<link rel="alternate" type="text/plain" href="small.txt"' in page
    assert (build.html / "attention/small.txt").exists()
