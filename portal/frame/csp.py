"""A Content Security Policy in every page: what it may load, and what it may run.

Everything comes from the site itself. Of scripts and styles within a page only those
apply that the theme puts there; their hashes are taken from what it renders, so that an
update of the theme needs no change here. ``wasm-unsafe-eval`` and workers are for the
search, style attributes for KaTeX and for drawings within a page.
"""

import base64
import hashlib

from docutils import nodes
from lxml.html import document_fromstring
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


def policy(page: str) -> str:
    """The policy that allows the scripts and styles within this HTML.

    >>> policy("<script>go()</script>").split("; ")[1]
    "script-src 'self' 'wasm-unsafe-eval' 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='"
    """  # noqa: E501
    tree = document_fromstring(page)
    hashes = {}
    for tag in ("script", "style"):
        texts = [one.text or "" for one in tree.iter(tag) if "src" not in one.attrib]
        hashes[f"{tag}-src"] = dict.fromkeys(map(source_hash, texts))
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
