"""The policy in every page, and a browser that obeys it."""

import contextlib
import re

import pytest
from playwright.sync_api import TimeoutError

from portal.inspect import browser

POLICY = re.compile(
    r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">(.*)', re.DOTALL
)
RAW = """
.. raw:: html

   <script>document.title = "injected"</script>
   <p onclick="document.title = 'clicked'">Click</p>
   <img src="https://elsewhere.invalid/pixel.png" alt="">
"""

WATCH = """
window.blocked = [];
addEventListener("securitypolicyviolation", ({ effectiveDirective }) =>
  blocked.push(effectiveDirective));
window.add = (name, values) =>
  document.body.appendChild(Object.assign(document.createElement(name), values));
window.elsewhere = "https://elsewhere.invalid/";
"""
ATTEMPTS = {  # what a page could do, by the directive that forbids it
    "base-uri": "add('base', { href: elsewhere })",
    "connect-src": "fetch(elsewhere).catch(() => {})",
    "font-src": "new FontFace('f', `url(${elsewhere})`).load().catch(() => {})",
    "form-action": "add('form', { action: elsewhere }).submit()",
    "frame-src": "add('iframe', { src: elsewhere })",
    "img-src": "add('img', { src: elsewhere })",
    "media-src": "add('video', { src: elsewhere })",
    "object-src": "add('object', { data: elsewhere })",
    "script-src": "setTimeout('go()')",
    "script-src-attr": "add('p', {}).setAttribute('onclick', 'go()')",
    "script-src-elem": "add('script', { src: elsewhere })",
    "style-src-elem": "add('link', { rel: 'stylesheet', href: elsewhere })",
    "worker-src": "new Worker('data:text/javascript,')",
}
ALL_BLOCKED = "names => names.every((name) => blocked.includes(name))"


@pytest.fixture
def visit(chromium, tmp_path):
    """Opens a page of a built site from disk or a server: title and violations."""

    def visit(address, click=None):
        with chromium.new_context() as context:
            context.add_init_script(WATCH)
            page = context.new_page()
            page.goto(address)
            if click:
                page.click(click)
            theme = page.evaluate("document.body.dataset.theme")
            return page.title(), theme, page.evaluate("blocked")

    return visit


def test_the_policy_stands_before_what_it_governs_in_every_page(site, make_html):
    build = make_html(site())
    assert build.status == 0, build.output
    pages = browser.pages(build.html)
    assert {"index.html", "search.html", "404.html"} < set(pages)
    for name in pages:
        text = (build.html / name).read_text("utf-8")
        found = POLICY.search(text)
        assert found, name
        before = text[: found.start()]
        assert not re.search("<(script|style|link)", before), name
        assert "default-src 'none'" in found[1]
        scripts = re.search("script-src ([^;]*);", found[1])[1]
        assert "unsafe-inline" not in scripts
        assert scripts.count("sha256-") == 1


def test_only_what_the_theme_brings_runs(site, make_html, visit):
    build = make_html(site(RAW))
    assert build.status == 0, build.output
    with browser.serve(build.html) as address:
        title, theme, blocked = visit(f"{address}/index.html", click="text=Click")
    assert title == "Runnable ML"
    assert theme == "auto"  # set by the theme's own script
    assert sorted(set(blocked)) == ["img-src", "script-src-attr", "script-src-elem"]


def test_a_site_on_disk_obeys_too(site, make_html, visit):
    build = make_html(site(":math:`x^2`"))
    assert build.status == 0, build.output
    _, theme, blocked = visit((build.html / "index.html").as_uri())
    assert (theme, blocked) == ("auto", [])


def test_nothing_from_elsewhere_is_loaded_run_or_sent(site, make_html, chromium):
    build = make_html(site())
    assert build.status == 0, build.output
    with browser.serve(build.html) as address, chromium.new_context() as context:
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(f"{address}/index.html")
        for attempt in ATTEMPTS.values():
            page.evaluate(f"() => {{ {attempt} }}")
        with contextlib.suppress(TimeoutError):
            page.wait_for_function(ALL_BLOCKED, arg=list(ATTEMPTS), timeout=5000)
        assert set(page.evaluate("blocked")) == set(ATTEMPTS)
