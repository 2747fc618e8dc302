"""The whole portal in a real browser: built by ``make html``, every page visited."""

from urllib.parse import urlsplit

import pytest


@pytest.fixture(scope="module")
def pages(html):
    found = sorted(str(path.relative_to(html)) for path in html.rglob("*.html"))
    return [name for name in found if not name.startswith("_")]


def visit(chromium, server, pages, look, **options):
    """Calls ``look(page)`` on each page; returns requests, and errors of any kind."""
    requests, errors = [], []
    with chromium.new_context(**options) as context:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "response",
            lambda answer: answer.status >= 400 and errors.append(answer.url),
        )
        for name in pages:
            page.goto(f"{server}/{name}")
            look(page)
    return requests, errors


def wide(page):
    """The width of a page that does not fit a small screen.

    The theme lets its content box scroll, so the document alone does not tell.
    """
    width = page.locator("html, .main, .content, .article-container").evaluate_all(
        "boxes => Math.max(...boxes.map(box => box.scrollWidth))"
    )
    return [width] if width > 360 else []


def scrolling(page):
    """Beginnings of the listings of an article that scroll sideways."""
    if "/gallery/" in page.url:
        return []
    return page.locator("article .highlight pre").evaluate_all(
        "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth)"
        ".map(b => b.textContent.slice(0, 60))"
    )


@pytest.mark.parametrize(
    ("theme", "width", "misfits"), [("light", 1366, scrolling), ("dark", 360, wide)]
)
def test_every_page(chromium, server, pages, theme, width, misfits):
    """No request to another origin, no error, nothing too wide for the screen."""
    found = []
    requests, errors = visit(
        chromium,
        server,
        pages,
        lambda page: found.extend((page.url, misfit) for misfit in misfits(page)),
        color_scheme=theme,
        viewport={"width": width, "height": 768},
    )
    origin = urlsplit(server).netloc
    assert len(requests) > len(pages) > 20
    assert [url for url in requests if urlsplit(url).netloc != origin] == []
    assert errors == []
    assert found == []


@pytest.mark.parametrize(("theme", "other"), [("light", "dark"), ("dark", "light")])
def test_only_the_figures_of_the_theme_are_loaded(chromium, server, theme, other):
    def scroll(page):
        for image in page.locator("figure.gallery-figure").all():
            image.scroll_into_view_if_needed()
        page.wait_for_load_state("networkidle")

    article = ["attention/grouped_query_attention.html"]
    requests, _ = visit(chromium, server, article, scroll, color_scheme=theme)
    figures = [url for url in requests if "sphx_glr_plot_" in url]
    assert len(figures) >= 2
    assert [url for url in figures if f"_{other}." in url] == []


def test_math_is_set_without_a_script(chromium, server):
    found = []

    def look(page):
        found.append(page.locator(".katex").count())
        found.append(page.locator("script[src*=math], script[src*=katex]").count())

    article = ["attention/grouped_query_attention.html"]
    visit(chromium, server, article, look, java_script_enabled=False)
    assert found[0] > 5
    assert found[1] == 0
