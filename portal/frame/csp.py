"""A Content Security Policy in every page: what it may load, and what it may run.

Everything comes from the site itself. Of scripts and styles within a page only those
apply that the theme puts there; their hashes are taken from what it renders, so that an
update of the theme needs no change here. ``wasm-unsafe-eval`` and workers are for the
search, style attributes for KaTeX and for drawings within a page.
"""

import base64
import hashlib
from html.parser import HTMLParser

from docutils import nodes
from sphinx.application import Sphinx

from portal.order import Context

SOURCES = {
    "default-src": "'none'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self'",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def source_hash(text: str) -> str:
    """A script or style as a policy names it.

    >>> source_hash("")
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


class Inline(HTMLParser):
    """Collects the scripts and styles that stand in a page itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {"script": [], "style": []}
        self._open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.found and "src" not in dict(attrs):
            self._open = tag
            self.found[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.found[self._open][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def policy(page: str) -> str:
    """The policy that allows the scripts and styles within this HTML.

    >>> policy("<script>go()</script>").split("; ")[1]
    "script-src 'self' 'wasm-unsafe-eval' 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='"
    """  # noqa: E501
    inline = Inline()
    inline.feed(page)
    hashes = {
        f"{tag}-src": list(dict.fromkeys(map(source_hash, texts)))
        for tag, texts in inline.found.items()
    }
    return "; ".join(
        " ".join([name, sources, *hashes.get(name, [])])
        for name, sources in SOURCES.items()
    )


class Policy:
    """The policy of one build, taken from what the theme puts into its first page."""

    def __init__(self) -> None:
        self.tag = ""

    def add(
        self,
        app: Sphinx,
        pagename: str,
        templatename: str,
        context: dict,
        doctree: nodes.document | None,
    ) -> None:
        if app.builder.name == "epub":
            return
        if not self.tag:
            frame = app.builder.templates.render("base.html", context)
            name = "Content-Security-Policy"
            self.tag = f'<meta http-equiv="{name}" content="{policy(frame)}">\n'
        context["metatags"] = self.tag + context.get("metatags", "")


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", Policy().add, priority=Context.POLICY)
