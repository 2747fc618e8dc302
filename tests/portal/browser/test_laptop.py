"""Every page on a laptop, light, and at twice its size."""

LAPTOP = {"width": 1366, "height": 768}


def scrolling(page):
    """Listings that scroll sideways."""
    return page.locator("article .highlight pre").evaluate_all(
        "blocks => blocks.filter(b => b.scrollWidth > b.clientWidth)"
        ".map(b => b.textContent.slice(0, 60))"
    )


def test_every_page_fits_and_so_do_listings(visit_all, wide):
    """No request to another origin, no error; scripts in the gallery may scroll."""
    found = []

    def look(page):
        if "/gallery/" in page.url:
            return
        found.extend((page.url, listing) for listing in scrolling(page))
        page.set_viewport_size({**LAPTOP, "width": LAPTOP["width"] // 2})
        found.extend((page.url, width) for width in wide(page))
        page.set_viewport_size(LAPTOP)

    elsewhere, errors = visit_all(look, color_scheme="light", viewport=LAPTOP)
    assert (elsewhere, errors, found) == ([], [], [])
