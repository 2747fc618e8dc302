"""The functions of ``widgets/``, run by QuickJS, or in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.article.widget_module import WidgetModule
from portal.frame.csp import policy
from portal.inspect import browser


@pytest.fixture
def module(root: Path) -> Callable[[str], WidgetModule]:
    """Runs a module by its name."""
    return lambda name: WidgetModule(root / f"widgets/{name}.js")


@pytest.fixture(scope="module")
def page(root: Path, chromium) -> Iterator:
    """An empty page beside the modules, under the policy that all pages have."""
    rules = f'<meta http-equiv="Content-Security-Policy" content="{policy("<p>")}">'
    with browser.serve(root / "widgets") as address, chromium.new_context() as context:
        page = context.new_page()
        page.route(
            "**/empty.html",
            lambda route: route.fulfill(body=rules, content_type="text/html"),
        )
        page.goto(f"{address}/empty.html")
        yield page
