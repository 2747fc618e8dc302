"""What helps a reader on: large figures, previews of links, keys, and where one was."""

import json

import pytest

ARTICLE = "attention/flash_attention.html"
KEPT = "localStorage.getItem('runnable-ml')"


@pytest.fixture
def page(chromium, server):
    with chromium.new_context(viewport={"width": 1366, "height": 900}) as context:
        page = context.new_page()
        page.goto(f"{server}/{ARTICLE}")
        yield page


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_figure_opens_large_and_closes(page, by):
    link = page.locator("figure.gallery-figure > a").first
    small = link.locator("img:visible").bounding_box()
    link.click() if by == "mouse" else link.press("Enter")
    large = page.locator("dialog.figure-large img:visible")
    large.wait_for()
    assert large.bounding_box()["width"] > 1.2 * small["width"]
    assert ARTICLE in page.url
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert link.evaluate("link => link === document.activeElement")


def test_on_a_phone_a_large_figure_scrolls(chromium, server):
    with chromium.new_context(viewport={"width": 360, "height": 740}) as context:
        page = context.new_page()
        page.goto(f"{server}/{ARTICLE}")
        page.locator("figure.gallery-figure > a").first.click()
        box = page.locator("dialog.figure-large > div")
        assert box.evaluate("box => box.scrollWidth > 1.5 * box.clientWidth")


def preview(page, link):
    link.scroll_into_view_if_needed()
    link.hover()
    card = page.locator(".link-card")
    card.wait_for()
    return card


def test_a_link_shows_the_page_that_it_leads_to(page, server):
    card = preview(page, page.locator(".page-facts a").first)
    assert card.locator("h1").inner_text() == "Self-attention"
    assert len(card.locator("p").last.inner_text()) > 80
    assert card.locator("[id]").count() == 0
    page.keyboard.press("Escape")
    assert page.locator(".link-card").count() == 0


def test_a_link_shows_the_source_and_the_equation(page):
    source = page.locator("article p a.internal", has_text="2022").first
    assert "Dao" in preview(page, source).inner_text()
    page.mouse.move(0, 0)
    page.locator(".link-card").wait_for(state="detached")
    equation = page.locator("article p a.internal[href*='equation']").first
    assert preview(page, equation).locator(".katex-display").count() == 1


def test_keys(page):
    page.keyboard.press("?")
    assert "page before, page after" in page.locator("dialog.keys").inner_text()
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    after = page.locator("link[rel=next]").get_attribute("href")
    page.keyboard.press("]")
    page.wait_for_url(f"**/{after}")
    page.keyboard.press("[")
    page.wait_for_url(f"**/{ARTICLE}")


def test_where_one_was_is_kept_until_it_is_cleared(page, server):
    page.locator("section.evidence-details").scroll_into_view_if_needed()
    while ARTICLE not in json.loads(page.evaluate(KEPT)).get("read", []):
        page.wait_for_timeout(50)
    page.goto(f"{server}/index.html")
    line = page.locator(".continue")
    assert "Continue with FlashAttention. Read to the end: 1." in line.inner_text()
    assert f"/{ARTICLE}" in line.locator("a").evaluate("link => link.href")
    page.goto(f"{server}/attention/self_attention.html")
    assert page.locator(".sidebar-tree a.was-read").all_inner_texts() == [
        "FlashAttention"
    ]
    page.goto(f"{server}/index.html")
    line.get_by_role("button").click()
    assert line.count() == 0
    assert page.evaluate(KEPT) is None
    assert page.context.cookies() == []


def test_a_permanent_link_is_copied(chromium, server):
    with chromium.new_context(
        permissions=["clipboard-read", "clipboard-write"]
    ) as context:
        page = context.new_page()
        page.goto(f"{server}/{ARTICLE}")
        page.locator("h2").first.hover()
        page.locator("h2 .headerlink").first.click()
        page.locator(".headerlink[data-said]").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.url
        assert "#the-online-softmax" in copied
