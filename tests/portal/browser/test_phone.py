"""Every page on a phone, dark."""

import json

SHOWN = """images => images.filter((image) => image.checkVisibility()).map((image) =>
  [image.currentSrc || image.src, image.clientWidth])"""


def test_every_page_fits(visit_all, wide):
    """No request to another origin, no error, nothing too wide for the screen."""
    found = []
    elsewhere, errors = visit_all(
        lambda page: found.extend((page.url, width) for width in wide(page)),
        color_scheme="dark",
        viewport={"width": 360, "height": 768},
    )
    assert (elsewhere, errors, found) == ([], [], [])


def test_letters_of_figures_are_legible(visit, root):
    """At least 9 pixels high where the figure says so, up to its own width."""
    about = {
        file.stem: json.loads(file.read_text())
        for file in root.glob("docs/gallery/*/images/*.json")
    }
    found, seen = [], []

    def look(page):
        images = page.locator("figure.gallery-figure img").evaluate_all(SHOWN)
        for source, width in images:
            name = source.rpartition("/")[2].rpartition(".")[0]
            own = about[name.removesuffix("_dark").removesuffix("_light")]
            seen.append(name)
            if width < min(own["needs"], own["width"]):
                found.append((name, width, own["needs"]))

    names = [f"{page}.html" for page in ("attention/self_attention", "positions/rope")]
    visit(names, look, viewport={"width": 360, "height": 768})
    assert len(seen) > 5
    assert found == []
