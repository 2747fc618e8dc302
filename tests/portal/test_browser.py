"""The whole portal in a real browser: built by ``make html``, every page visited."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])),
    None,
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium installed: Debian's package is chromium"
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def html(root):
    """The built portal; evidence that is there already is used."""
    environment = {**os.environ, "PYTHONWARNINGS": ""}
    command = ["make", "html", "STAMP=", f"BIN={os.path.dirname(sys.executable)}"]
    run = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return root / "build/html"


@pytest.fixture(scope="module")
def server(html):
    handler = functools.partial(Quiet, directory=html)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


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


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_request_to_another_origin_and_no_error(chromium, server, pages, theme):
    requests, errors = visit(
        chromium, server, pages, lambda page: None, color_scheme=theme
    )
    origin = urlsplit(server).netloc
    assert len(requests) > len(pages) > 20
    assert [url for url in requests if urlsplit(url).netloc != origin] == []
    assert errors == []


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


def test_nothing_is_wider_than_a_small_screen(chromium, server, pages):
    wide = []

    def measure(page):
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide.append((page.url, width))

    screen = {"width": 360, "height": 740}
    visit(chromium, server, pages, measure, viewport=screen)
    assert wide == []


def test_listings_of_the_articles_do_not_scroll_on_a_laptop(chromium, server, pages):
    scrolled = []

    def measure(page):
        blocks = page.locator("article .highlight pre")
        over = blocks.evaluate_all(
            "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth)"
            ".map(b => b.textContent.slice(0, 60))"
        )
        scrolled.extend((page.url, text) for text in over)

    articles = [name for name in pages if not name.startswith("gallery/")]
    screen = {"width": 1366, "height": 768}
    visit(chromium, server, articles, measure, viewport=screen)
    assert scrolled == []


def test_math_is_set_without_a_script(chromium, server):
    found = []

    def look(page):
        found.append(page.locator(".katex").count())
        found.append(page.locator("script[src*=math], script[src*=katex]").count())

    article = ["attention/grouped_query_attention.html"]
    visit(chromium, server, article, look, java_script_enabled=False)
    assert found[0] > 5
    assert found[1] == 0
