"""Pictures of one page of each type: light and dark, from a phone to a wide screen.

``make screenshots`` writes them below ``build/shots``, for reviewers.
"""

from pathlib import Path

from portal.inspect import browser
from portal.inspect.audit import SCROLL, THEMES

PAGES = {
    "front": "index",
    "start-here": "attention/index",
    "article": "attention/flash_attention",
    "short-article": "positions/rope",
    "gallery": "gallery/attention/index",
    "example": "gallery/attention/plot_flash_attention_tiles",
    "reproductions": "reproductions",
    "map": "paths",
    "snippets": "snippets",
    "references": "references",
    "status": "status",
    "search": "search",
    "not-found": "404",
}
WIDTHS = (360, 768, 1366, 1920)


def shoot(root: Path) -> list[Path]:
    """Take all pictures of the last build; those of before are overwritten."""
    folder, made = root / "build/html", []
    with browser.serve(folder) as address, browser.launch() as chromium:
        for theme in THEMES:
            for width in WIDTHS:
                screen = {"width": width, "height": 900}
                with chromium.new_context(
                    color_scheme=theme, viewport=screen
                ) as context:
                    page = context.new_page()
                    for name, path in PAGES.items():
                        page.goto(f"{address}/{path}.html")
                        page.evaluate(SCROLL)
                        made.append(root / f"build/shots/{name}-{theme}-{width}.png")
                        page.screenshot(path=made[-1], full_page=True)
    return made
