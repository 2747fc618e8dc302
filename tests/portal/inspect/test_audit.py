"""One page of each type is looked at as ``make audit`` looks at all."""

import random
import re
import shutil
import string

import pytest

from portal.inspect import audit, browser

PAGES = [
    "404.html",
    "attention/flash_attention.html",  # an animation, tables, equations, listings
    "attention/index.html",
    "gallery/attention/index.html",
    "gallery/index.html",
    "gallery/attention/plot_flash_attention_tiles.html",
    "index.html",
    "references.html",
    "reproductions.html",
    "search.html",
    "status.html",
]


def test_nothing_keeps_a_reader_from_a_page(chromium, server, html):
    assert list(audit.look(chromium, server, html, PAGES)) == []


@pytest.mark.skipif(not shutil.which("java"), reason="vnu needs Java")
def test_pages_are_valid_html(html):
    assert audit.validate(html, PAGES) == []


BAD = """<!doctype html>
<html lang="en">
<head>
<title>Bad</title>
<meta http-equiv="Content-Security-Policy" content="script-src 'self'">
<link rel="icon" href="data:,">
</head>
<body>
<main>
<h1>Bad</h1>
<script>go()</script>
<script src="heavy.js"></script>
<img src="/none.png">
<p>Pushed down.</p>
<script src="push.js"></script>
<script src="http://127.0.0.1:9/elsewhere.js"></script>
</main>
</body>
</html>
"""
PUSH = """
document.querySelector("h1").style.display = "none";
document.body.clientHeight;
requestAnimationFrame(() => requestAnimationFrame(() => {
  document.querySelector("h1").style = "padding-bottom: 400px";
}));
throw new Error("broken");
"""


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A folder with one page on which most is wrong."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "bad.html").write_text(BAD)
    (folder / "push.js").write_text(PUSH)
    noise = random.Random(0).choices(string.ascii_letters, k=60_000)
    (folder / "heavy.js").write_text(f"'{''.join(noise)}'")
    return folder


@pytest.fixture(scope="module")
def told(bad, chromium):
    with browser.serve(bad) as address:
        return list(audit.look(chromium, address, bad, ["bad.html"]))


@pytest.mark.parametrize(
    "problem",
    [
        "404 for .*/none.png",
        "request to http://127.0.0.1:9/elsewhere.js",
        "error in a script: .*broken",
        "layout shift of 0",
        "script-src-elem blocked inline",
        "image-alt: ",
        "loads 4. kB of .js, above 40",
    ],
)
def test_what_is_wrong_is_told(told, problem):
    assert [line for line in told if re.match(f"bad.html, light: {problem}", line)]


@pytest.fixture
def narrow(chromium, server):
    """An article on a phone whose owner prefers that nothing moves."""
    screen = {"width": 360, "height": 740}
    with chromium.new_context(viewport=screen, reduced_motion="reduce") as context:
        page = context.new_page()
        page.goto(f"{server}/attention/flash_attention.html")
        yield page


def test_drawers_open_by_keyboard_and_hold_no_focus_while_closed(narrow):
    entry = narrow.locator(".sidebar-tree a").first
    focused = (
        "element => { element.focus(); return document.activeElement === element }"
    )
    assert not entry.evaluate(focused)
    narrow.keyboard.press("Tab")
    assert narrow.evaluate("document.activeElement.id") == "__navigation"
    icon = narrow.locator(".nav-overlay-icon")
    assert icon.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    narrow.keyboard.press("Space")
    narrow.wait_for_function("document.querySelector('#__navigation').checked")
    assert entry.evaluate(focused)


def test_animations_begin_as_their_stills(narrow):
    figures = narrow.locator("picture.only-light img[data-film]")
    figures.first.scroll_into_view_if_needed()
    narrow.wait_for_function(
        "image => image.complete", arg=figures.first.element_handle()
    )
    assert figures.first.evaluate("image => image.currentSrc").endswith("_001.svg")


def test_only_boxes_that_scroll_take_the_focus(narrow):
    boxes = narrow.locator(".highlight pre, .table-wrapper, .katex-display")
    narrow.wait_for_function("document.querySelector('pre[tabindex]')")
    pairs = boxes.evaluate_all(
        "boxes => boxes.map(box => [box.scrollWidth > box.clientWidth, box.tabIndex])"
    )
    assert {focus for scrolls, focus in pairs if scrolls} == {0}
    assert {focus for scrolls, focus in pairs if not scrolls} == {-1}
