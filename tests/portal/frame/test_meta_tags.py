"""What a link to a page shows elsewhere."""

import html
import re

from PIL import Image

FIGURE = ".. gallery-figure:: small.line"


def tags(build, name="attention/small"):
    assert build.status == 0, build.output
    found = r'<meta (?:property|name)="([^"]*)" content="([^"]*)"'
    pairs = re.findall(found, build.page(name))
    names = [key for key, _ in pairs if key != "viewport"]  # the theme has two
    assert len(names) == len(set(names))
    return {key: html.unescape(value) for key, value in pairs}


def test_a_card_has_title_book_summary_and_figure(site, make_html, monkeypatch):
    monkeypatch.setenv("READTHEDOCS_CANONICAL_URL", "https://ml.example.org/en/")
    summary = "Ratios a < b & c."
    article = f":summary: {summary}\n:level: advanced\n\nSmall\n=====\n\n{FIGURE}\n"
    build = make_html(site(files={"docs/attention/small.rst": article}))
    found = tags(build)
    assert found["og:title"] == "Small · attention"
    assert found["og:description"] == found["description"] == summary
    assert found["twitter:card"] == "summary_large_image"
    assert found["og:image:alt"] == "A line that rises."
    place = found["og:image"].removeprefix("https://ml.example.org/en/")
    with Image.open(build.html / place) as card:
        assert card.size == (1200, 630)
    assert found["og:url"] == "https://ml.example.org/en/attention/small.html"
    assert found["og:site_name"] == "Runnable ML"


def test_other_pages_describe_themselves(site, make_html):
    found = tags(make_html(site("A first paragraph.")), "index")
    assert found["og:title"] == "Site"
    assert found["description"] == "A first paragraph."
    assert "og:image" not in found
    assert found["og:type"] == "website"


def test_long_paragraphs_are_cut_between_words(site, make_html):
    text = tags(make_html(site("word " * 100)), "index")["description"]
    assert len(text) <= 200
    assert text.endswith("word …")
