"""The whole portal in a real browser: built by ``make html``, every page visited."""

import zipfile
from urllib.parse import urlsplit

import pytest

from portal import browser, budget
from portal.archive import pack_site


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
    """The width of a page that does not fit the screen.

    The theme lets its content box scroll, so the document alone does not tell.
    """
    width = page.locator("html, .main, .content, .article-container").evaluate_all(
        "boxes => Math.max(...boxes.map(box => box.scrollWidth))"
    )
    return [width] if width > page.viewport_size["width"] else []


def scrolling_or_wide(page):
    """Listings of an article that scroll sideways; its width at twice its size."""
    if "/gallery/" in page.url:
        return []
    blocks = page.locator("article .highlight pre").evaluate_all(
        "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth)"
        ".map(b => b.textContent.slice(0, 60))"
    )
    laptop = page.viewport_size
    page.set_viewport_size({**laptop, "width": laptop["width"] // 2})
    zoomed = wide(page)
    page.set_viewport_size(laptop)
    return blocks + zoomed


@pytest.mark.parametrize(
    ("theme", "width", "misfits"),
    [("light", 1366, scrolling_or_wide), ("dark", 360, wide)],
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
def test_the_keyboard_reaches_everything_in_order(chromium, server, name):
    """All that can be followed, opened or typed into; what has the focus is marked."""
    stops = []

    def walk(page):
        for _ in range(page.evaluate(STOPS)):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(FOCUSED))

    laptop = {"width": 1366, "height": 768}
    visit(chromium, server, [f"{name}.html"], walk, viewport=laptop)
    assert len(stops) > 30
    assert [text for _, shown, text in stops if not shown] == []
    assert [number for number, _, _ in stops] == list(range(len(stops)))


def test_an_article_is_whole_without_scripts(chromium, server):
    """Figures, shapes, answers, the ways on, and on a phone the menu."""
    seen = {}

    def look(page):
        figure = page.locator("figure.gallery-figure img").locator("visible=true").first
        figure.scroll_into_view_if_needed()
        shapes = page.locator(".shapes").first
        seen["shapes"] = [shapes.is_visible()]
        page.locator("label.shapes-call").first.click()
        seen["shapes"].append(shapes.is_visible())
        answer = page.locator("details.admonition").first
        answer.locator("summary").click()
        seen["answer"] = answer.locator("p").last.is_visible()
        page.locator("label.nav-overlay-icon").click()
        link = page.locator(".sidebar-tree a", has_text="Inference").first
        link.click()
        page.wait_for_url("**/inference/index.html")
        seen["map"] = page.locator(".page-map a").locator("visible=true").count()

    article = ["attention/grouped_query_attention.html"]
    phone = {"width": 360, "height": 640}
    visit(chromium, server, article, look, java_script_enabled=False, viewport=phone)
    assert seen["shapes"] == [True, False]
    assert seen["answer"]
    assert seen["map"] >= 9


def test_copying_leaves_out_prompts_and_shapes(chromium, server):
    copied = []

    def copy(page):
        for block in (
            page.locator("div.highlight:has(.gp)").all()[:1]
            + (page.locator("div.shaped .highlight").all()[:1])
        ):
            block.hover()
            block.locator("button.copybtn").click()
            copied.append(page.evaluate("navigator.clipboard.readText()"))

    article = ["attention/grouped_query_attention.html"]
    allowed = ["clipboard-read", "clipboard-write"]
    visit(chromium, server, article, copy, permissions=allowed)
    doctest, listing = copied
    assert doctest.startswith("import torch\nfrom snippets")
    assert ">>>" not in doctest
    assert listing.startswith("def grouped_query_attention(")
    assert "(2, 12, 5, 16)" not in listing


def test_a_listing_leads_to_its_module(chromium, server, root):
    texts = []

    def download(page):
        link = page.locator("p.snippet-file a").first
        with page.expect_download() as download:
            link.click()
        texts.append(download.value.path().read_text())
        assert download.value.suggested_filename == "grouped_query_attention.py"

    article = ["attention/grouped_query_attention.html"]
    visit(chromium, server, article, download)
    module = root / "snippets/attention/grouped_query_attention.py"
    assert texts == [module.read_text()]


def test_the_packed_site_works_from_disk(chromium, html, root, tmp_path):
    with zipfile.ZipFile(pack_site(root)) as archive:
        archive.extractall(tmp_path)
    loaded = []

    def look(page):
        loaded.append(page.evaluate("[...document.images].map(i => i.currentSrc)"))
        page.locator("a.next-page").click()
        assert page.title().startswith("Sliding-window attention")

    article = ["attention/grouped_query_attention.html"]
    requests, errors = visit(chromium, f"file://{tmp_path}/runnable-ml", article, look)
    assert errors == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert any("sphx_glr_plot" in source for source in loaded[0])
