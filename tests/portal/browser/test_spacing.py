"""A reader who sets text wider, as WCAG 1.4.12 describes, loses nothing."""

import pytest

from portal.inspect.screenshots import PAGES

SPACED = """
* {
  line-height: 1.5 !important; letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important;
}
p { margin-bottom: 2em !important; }
"""
CLIPPED = """() => [...document.querySelectorAll("article *, .sidebar-tree *")]
  .filter((box) => {
    const {overflowX, overflowY} = getComputedStyle(box);
    const hides = [overflowX, overflowY].some((one) => /hidden|clip/.test(one));
    const over = box.scrollWidth > box.clientWidth + 1
      || box.scrollHeight > box.clientHeight + 1;
    return hides && over && box.clientHeight > 1 && box.textContent.trim()
      && !box.closest(".katex-display, .katex, .visually-hidden, svg, dialog");
  })
  .map((box) => `${box.tagName}.${box.className}: ${box.textContent.slice(0, 40)}`)"""


@pytest.mark.parametrize("width", [360, 1366])
def test_nothing_is_cut_off_when_text_is_spaced(visit, wide, width):
    found = []

    def look(page):
        page.add_style_tag(content=SPACED)
        found.extend((page.url, size) for size in wide(page))
        found.extend((page.url, box) for box in page.evaluate(CLIPPED))

    names = [f"{page}.html" for page in PAGES.values()]
    screen = {"width": width, "height": 768}
    _, errors = visit(names, look, viewport=screen, bypass_csp=True)
    assert (errors, found) == ([], [])
