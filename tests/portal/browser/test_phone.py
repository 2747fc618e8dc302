"""Every page on a phone, dark."""


def test_every_page_fits(visit_all, wide):
    """No request to another origin, no error, nothing too wide for the screen."""
    found = []
    elsewhere, errors = visit_all(
        lambda page: found.extend((page.url, width) for width in wide(page)),
        color_scheme="dark",
        viewport={"width": 360, "height": 768},
    )
    assert (elsewhere, errors, found) == ([], [], [])
