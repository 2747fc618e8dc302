"""For search engines: ``robots.txt`` leads to ``sitemap.xml``, which lists all pages.

Also those that this build did not write again.
"""

from pathlib import Path
from xml.etree import ElementTree

from sphinx.application import Sphinx

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def sitemap(addresses: list[str]) -> bytes:
    """The file that lists these addresses.

    >>> b"<url><loc>a</loc></url>" in sitemap(["a"])
    True
    """
    root = ElementTree.Element("urlset", xmlns=NAMESPACE)
    for address in addresses:
        url = ElementTree.SubElement(root, "url")
        ElementTree.SubElement(url, "loc").text = address
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def write(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        base = app.config.html_baseurl.rstrip("/")
        pages = sorted(app.env.found_docs - {"404"})
        uris = [f"{base}/{app.builder.get_target_uri(page)}" for page in pages]
        Path(app.outdir, "sitemap.xml").write_bytes(sitemap(uris))
        robots = f"User-agent: *\nAllow: /\nSitemap: {base}/sitemap.xml\n"
        Path(app.outdir, "robots.txt").write_text(robots)


def setup(app: Sphinx) -> None:
    app.connect("build-finished", write)
