"""``:shapes:`` on a page: what is shown, when calls run again, what stops the build."""

import re

import pytest

from portal.article.shapes import entry
from portal.evidence.traces import Request, options, requests

MODULE = '''\
"""A method."""

import numpy as np


def grow(x, steps):
    """Longer and longer."""
    for n in range(steps):
        part = x[: n + 1]
    return part, x.T  # (_, _), (_, _)


def double(x):
    return 2 * x
'''
BODY = """\
.. snippet:: attention.small.grow
   :shapes: grow(np.ones((4, 3)),
            steps=2)
"""
RAN = "attention/small.grow."


@pytest.fixture
def shaped(site):
    """A site with a page that shows shapes."""

    def shaped(body=BODY, module=MODULE):
        return site(body, {"snippets/attention/small.py": module})

    return shaped


def listings(page):
    """The text of each listing's lines, without tags."""
    blocks = re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", block).split("\n")[:-1] for block in blocks]


def before_gallery(build):
    """What the build said before Sphinx-Gallery began."""
    assert build.status == 0, build.output
    return build.output.split("generating gallery...")[0]


def test_page_shows_what_lines_bound(shaped, make_html):
    build = make_html(shaped())
    assert build.status == 0, build.output
    page = build.page()
    assert listings(page) == [
        [
            "def grow(x, steps):  # x (4, 3)",
            "    for n in range(steps):",
            "        part = x[: n + 1]  # part (1, 3) … (2, 3)",
            "    return part, x.T  # (_, _), (_, _)  # return ((2, 3), (3, 4))",
        ]
    ]
    assert 'id="snippets.attention.small.grow"' in page
    assert "<code>grow(np.ones((4, 3)), steps=2)</code>" in page
    switch = re.search(r'<input [^>]*id="([^"]+)"[^>]*>', page[page.index("shaped") :])
    assert 'checked="checked"' in switch[0]
    assert f'for="{switch[1]}"' in page


def test_dtype_and_bytes_on_request(shaped, make_html):
    build = make_html(shaped(f"{BODY}   :show: dtype bytes\n"))
    assert build.status == 0, build.output
    ((first, *_),) = listings(build.page())
    assert first.endswith("  # x (4, 3) float64 96 bytes")


def test_nothing_without_the_option(shaped, make_html):
    root = shaped(".. snippet:: attention.small.grow\n")
    build = make_html(root)
    assert build.status == 0, build.output
    assert 'class="shape' not in build.page()
    assert not list((root / "docs/gallery").rglob("*.shapes.json"))


def test_a_book_has_the_shapes_and_no_switch(shaped, make_html):
    root = shaped()
    assert make_html(root).status == 0
    build = make_html(root, "-b", "epub", "-D", "epub_show_urls=no")
    page = (root / "build/html/index.xhtml").read_text()
    assert "# </span>" in page, build.output
    assert "<input" not in page


def test_only_calls_of_a_changed_module_run_again(shaped, make_html):
    body = BODY.replace("(4, 3)", "(5, 3)")
    body += "\n.. snippet:: positions.other.same\n   :shapes: same(np.ones(2))\n"
    root = shaped(body)
    other = root / "snippets/positions/other.py"
    other.parent.mkdir()
    other.write_text("import numpy as np\n\n\ndef same(x):\n    return x\n")
    first = before_gallery(make_html(root))
    assert RAN in first
    assert "positions/other.same." in first
    assert ".shapes " not in before_gallery(make_html(root))

    module = root / "snippets/attention/small.py"
    module.write_text(module.read_text().replace("x[: n + 1]", "x[: n + 2]"))
    build = make_html(root)
    again = before_gallery(build)
    assert RAN in again
    assert "positions/other.same." not in again
    assert "part (2, 3) … (3, 3)" in "\n".join(listings(build.page())[0])


def test_page_is_read_again_when_an_import_changes_the_shapes(shaped, make_html):
    module = MODULE.replace(
        "import numpy", "from snippets.small import WIDTH\nimport numpy"
    )
    root = shaped(module=module.replace("n + 1", "n + WIDTH"))
    for width in (1, 2):
        (root / "snippets/small.py").write_text(f"WIDTH = {width}\n")
        build = make_html(root)
        assert RAN in before_gallery(build)
        assert f"part ({width}, 3)" in "\n".join(listings(build.page())[0])


def test_another_call_is_another_result(shaped, make_html):
    root = shaped()
    before_gallery(make_html(root))
    shaped(BODY.replace("(4, 3)", "(4, 7)"))
    build = make_html(root)
    assert RAN in before_gallery(build)
    assert listings(build.page())[0][0].endswith("x (4, 7)")
    assert len(list((root / "docs/gallery").rglob("*.shapes.json"))) == 1


def test_contradiction_stops_the_build_at_its_line(shaped, make_html):
    root = shaped(module=MODULE.replace("(_, _), ", "(1, _), "))
    build = make_html(root)
    assert build.status != 0
    assert re.search(r"docs/index\.rst:\d+: ERROR: ValueError: ", build.output)
    place = root / "snippets/attention/small.py"
    reason = "return is (2, 3), but 1 is expected in place of 2"
    assert f"{place}:10: {reason}" in build.output


def test_sample_call_that_raises_stops_the_build(shaped, make_html):
    build = make_html(shaped(BODY.replace("steps=2", "steps=-1")))
    assert build.status != 0
    number = build.output.split("docs/index.rst:")[1].split(":")[0]
    line = (build.html.parents[1] / "docs/index.rst").read_text().splitlines()
    assert line[int(number) - 1].startswith(".. snippet::")
    assert "small.py:10: the sample call raises UnboundLocalError" in build.output
    assert "portal/evidence" not in build.output


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            f"{BODY}   :show: device\n",
            ":show: cannot show 'device'; choose",
        ),
        (".. snippet:: attention.small.grow\n   :show: dtype\n", "need :shapes:"),
        (f".. include:: part.txt\n\n{BODY}", "its call was not traced"),
    ],
)
def test_wrong_options(shaped, make_html, body, message):
    root = shaped(body)
    (root / "docs/part.txt").write_text(BODY.replace("4", "9"))
    build = make_html(root)
    assert build.status != 0
    assert message in build.output


def test_directives_are_found_in_the_text():
    text = """\
* .. snippet:: a.b.no

   .. snippet:: a.b.c
      :docstring:
      :shapes:
         c(x[
           :y: 2])
      :equal: m  n;
              k l

   :shapes: not of it

.. snippet:: a.b.d
   :show: dtype

   :shapes: d(x)
"""
    assert list(requests(text)) == [(3, Request("a.b.c", "c(x[ :y: 2])", "m n; k l"))]
    assert Request("a.b.c", "", "m n; k l").groups == [{"m", "n"}, {"k", "l"}]
    assert options(["no", " :a: b"], 0) == {}


def test_entry_of_a_loop():
    first, last = (
        {"shape": f"({n},)", "dtype": "int64", "bytes": 8 * n} for n in (1, 2)
    )
    assert entry("x", [first, last], ["dtype"]) == "x (1,) … (2,) int64"
    assert entry("x", [first, last], ["bytes"]) == "x (1,) … (2,) 8 … 16 bytes"
    assert entry("x", [{**first, "bytes": None}], ["bytes"]) == "x (1,)"
