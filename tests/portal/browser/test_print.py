"""An article on paper: itself alone, whole, with the addresses of its links."""

import pytest

PAGE = "attention/self_attention.html"
SCREEN = (
    ".skip-to-content",
    ".sidebar-drawer",
    ".toc-drawer",
    ".mobile-header",
    ".copybtn",
)


@pytest.fixture(scope="module")
def paper(chromium, server):
    with chromium.new_context(viewport={"width": 794, "height": 1123}) as context:
        page = context.new_page()
        page.emulate_media(media="print")
        page.goto(f"{server}/{PAGE}")
        yield page


def test_what_serves_the_screen_is_left_out(paper):
    for what in SCREEN:
        shown = paper.locator(what).evaluate_all(
            "boxes => boxes.filter(box => box.checkVisibility()).length"
        )
        assert shown == 0, what


def test_answers_are_open_and_no_code_is_cut_off(paper):
    assert paper.locator("details.admonition pre").count() > 0
    heights = paper.locator("details.admonition pre").evaluate_all(
        "blocks => blocks.map(block => block.getBoundingClientRect().height)"
    )
    assert min(heights) > 0
    cut = paper.locator("article pre").evaluate_all(
        "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth).length"
    )
    assert cut == 0


def test_links_to_elsewhere_print_their_address(paper):
    link = paper.locator('article a.external[href^="http"]').first
    printed = link.evaluate("link => getComputedStyle(link, '::after').content")
    assert link.get_attribute("href") in printed


def test_the_label_of_shapes_stays_with_its_listing(paper):
    kept = paper.locator(".shapes-call").evaluate_all(
        "labels => labels.map(label => getComputedStyle(label).breakAfter)"
    )
    assert set(kept) == {"avoid"}
