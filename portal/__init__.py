"""The Sphinx extension of this portal: one module per concern."""

import hashlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from portal import (
    addresses,
    book_map,
    claim,
    code_guard,
    conformance,
    csp,
    epub,
    errata,
    evidence_line,
    feed,
    follow,
    front,
    gallery_assets,
    gallery_figure,
    head,
    history,
    learning_path,
    links,
    math,
    measured,
    metadata,
    mirror,
    navigation,
    page_foot,
    plain_text,
    portal_map,
    prerequisites,
    reading_time,
    reproductions,
    search,
    security,
    shapes,
    sitemap,
    snippet,
    snippet_index,
    status,
    turns,
)
from portal.evidence import build


def source_version() -> int:
    """A number that changes with the portal's own code, so that pages follow it."""
    here = Path(__file__).parent
    files = sorted([*here.rglob("*.py"), *here.glob("templates/*")])
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    return int.from_bytes(digest.digest()[:4], "big")


def setup(app: Sphinx) -> ExtensionMetadata:
    for module in (
        turns,
        mirror,
        metadata,
        history,
        build,
        snippet,
        snippet_index,
        shapes,
        gallery_assets,
        gallery_figure,
        math,
        measured,
        claim,
        reproductions,
        status,
        evidence_line,
        code_guard,
        errata,
        page_foot,
        feed,
        head,
        plain_text,
        epub,
        navigation,
        prerequisites,
        reading_time,
        follow,
        book_map,
        front,
        conformance,
        csp,
        portal_map,
        learning_path,
        links,
        addresses,
        security,
        sitemap,
        search,
    ):
        module.setup(app)
    return {
        "version": "1",
        "env_version": source_version(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
