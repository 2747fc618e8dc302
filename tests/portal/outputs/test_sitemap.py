"""The sitemap lists every page, after a build of one page too."""

from xml.etree import ElementTree


def addresses(build):
    assert build.status == 0, build.output
    return [
        node.text
        for node in ElementTree.parse(build.html / "sitemap.xml").iter()
        if node.text
    ]


def test_every_page_is_listed_after_each_build(site, make_html):
    root = site()
    listed = addresses(make_html(root))
    assert "http://localhost:8000/attention/small.html" in listed
    assert len(listed) == len(set(listed)) == 5
    article = root / "docs/attention/small.rst"
    article.write_text(article.read_text() + "\nMore.\n")
    assert addresses(make_html(root)) == listed


def test_robots_are_led_to_it(site, make_html, monkeypatch):
    monkeypatch.setenv("READTHEDOCS_CANONICAL_URL", "https://ml.example.org/en/")
    robots = (make_html(site()).html / "robots.txt").read_text()
    assert robots.endswith("Sitemap: https://ml.example.org/en/sitemap.xml\n")
