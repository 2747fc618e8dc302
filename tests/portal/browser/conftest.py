"""The whole portal, built by ``make html``, as a reader of a browser sees it."""

from collections.abc import Callable, Iterable

import pytest


@pytest.fixture
def visit(chromium, server: str) -> Callable[..., tuple[list[str], list[str]]]:
    """Calls ``look(page)`` on each page; returns requests, and errors of any kind."""

    def visit(
        names: Iterable[str], look: Callable, at: str = server, **options: object
    ) -> tuple[list[str], list[str]]:
        requests, errors = [], []
        with chromium.new_context(**options) as context:
            page = context.new_page()
            page.on("request", lambda request: requests.append(request.url))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on(
                "response",
                lambda answer: answer.status >= 400 and errors.append(answer.url),
            )
            for name in names:
                page.goto(f"{at}/{name}")
                look(page)
        return requests, errors

    return visit


@pytest.fixture
def visit_all(
    visit: Callable, server: str, pages: list[str]
) -> Callable[..., tuple[list[str], list[str]]]:
    """Visits every page; returns requests to other origins, and errors."""

    def visit_all(look: Callable, **options: object) -> tuple[list[str], list[str]]:
        requests, errors = visit(pages, look, **options)
        assert len(requests) > len(pages) > 20
        return [url for url in requests if not url.startswith(server)], errors

    return visit_all


@pytest.fixture
def wide() -> Callable[..., list[int]]:
    """The width of a page that does not fit the screen.

    The theme lets its content box scroll, so the document alone does not tell.
    """

    def wide(page) -> list[int]:
        width = page.locator("html, .main, .content, .article-container").evaluate_all(
            "boxes => Math.max(...boxes.map(box => box.scrollWidth))"
        )
        return [width] if width > page.viewport_size["width"] else []

    return wide
