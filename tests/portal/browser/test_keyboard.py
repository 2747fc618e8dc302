"""The portal by keyboard alone."""

import pytest

STOPS = """
window.stops = [...document.querySelectorAll(
  "a[href], button, input, select, summary, [tabindex='0']")].filter((stop) =>
  stop.tabIndex >= 0 && stop.checkVisibility({visibilityProperty: true}));
stops.length
"""
FOCUSED = """() => {
  const found = document.activeElement;
  const {outlineStyle, opacity} = getComputedStyle(found);
  const box = found.querySelector(".map-box");  // of a link in a drawing
  const shown = outlineStyle !== "none" && opacity > 0
    || box !== null && getComputedStyle(box).stroke !== "rgba(0, 0, 0, 0)";
  return [stops.indexOf(found), shown, found.outerHTML.slice(0, 100)];
}"""


@pytest.mark.parametrize("name", ["index", "positions/rope", "attention/index"])
def test_the_keyboard_reaches_everything_in_order(visit, name):
    """All that can be followed, opened or typed into; what has the focus is marked."""
    stops = []

    def walk(page):
        for part in page.locator(
            "[data-module]"
        ).all():  # what loads when it comes near
            part.evaluate("part => part.scrollIntoView()")
            page.wait_for_function(
                "part => part.matches(':defined')", arg=part.element_handle()
            )
        page.evaluate("scrollTo(0, 0)")
        for _ in range(page.evaluate(STOPS)):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(FOCUSED))

    laptop = {"width": 1366, "height": 768}
    visit([f"{name}.html"], walk, viewport=laptop)
    assert len(stops) > 30
    assert [text for _, shown, text in stops if not shown] == []
    assert [number for number, _, _ in stops] == list(range(len(stops)))
