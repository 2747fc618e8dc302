"""What a page makes a browser load."""

import random

import pytest

from portal.inspect import browser, budget


def test_a_list_may_be_heavier_than_an_article(tmp_path):
    heavy = random.Random(0).randbytes(160_000)  # cannot be compressed
    for name in ("practice/article.html", "practice/glossary.html"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(heavy)
    sizes = budget.Sizes(tmp_path)
    (found,) = sizes.problems(["http://127.0.0.1/practice/article.html"])
    assert found == "loads 160 kB of all, above 150"
    assert sizes.problems(["http://127.0.0.1/practice/glossary.html"]) == []


def test_no_page_is_too_heavy(chromium, server, html, pages):
    """Each is opened by a browser that has loaded nothing before.

    Those of the gallery have neither math nor more text than the example that
    ``test_audit`` weighs.
    """
    sizes, found = budget.Sizes(html), []
    for name in (page for page in pages if not page.startswith("gallery/")):
        with chromium.new_context() as context:
            page = context.new_page()
            page.goto(f"{server}/{name}")
            addresses = [page.url, *browser.loaded(page)]
            found += [(name, heavy) for heavy in sizes.problems(addresses)]
    assert found == []


@pytest.mark.parametrize(("theme", "other"), [("light", "dark"), ("dark", "light")])
def test_only_the_figures_of_the_theme_are_loaded(visit, theme, other):
    def scroll(page):
        for image in page.locator("figure.gallery-figure").all():
            image.scroll_into_view_if_needed()
        page.wait_for_load_state("networkidle")

    article = ["attention/grouped_query_attention.html"]
    requests, _ = visit(article, scroll, color_scheme=theme)
    figures = [url for url in requests if "sphx_glr_plot_" in url]
    assert len(figures) >= 2
    assert [url for url in figures if f"_{other}." in url] == []


def test_math_is_set_without_a_script(visit):
    found = []

    def look(page):
        found.append(page.locator(".katex").count())
        found.append(page.locator("script[src*=math], script[src*=katex]").count())

    article = ["attention/grouped_query_attention.html"]
    visit(article, look, java_script_enabled=False)
    assert found[0] > 5
    assert found[1] == 0
