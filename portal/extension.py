"""The Sphinx extension of this portal: one module per concern, set up in this order.

Where two modules handle one event with one priority, the one above comes first.
"""

import hashlib
import sys
from pathlib import Path

import sphinx
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from portal.article import (
    citation_styles,
    claim,
    claim_box,
    code_guard,
    evidence_line,
    figure,
    gallery_code,
    markup_guard,
    math,
    measured,
    shapes,
    snippet,
    source_math,
    title_math,
    verdicts,
)
from portal.evidence import build, contents, lock, settings
from portal.frame import (
    addresses,
    assets,
    corrections,
    csp,
    foot,
    gallery_assets,
    leftovers,
    meta_tags,
    sidebar,
)
from portal.guide import book_map, learning_path, neighbors, portal_map, reading_time
from portal.outputs import epub, feed, plain_text, search, sitemap
from portal.overview import (
    costs,
    environments,
    errata,
    front_page,
    reproductions,
    snippet_index,
    status,
)
from portal.pages import (
    draft,
    failures,
    history,
    late,
    metadata,
    mirror,
    missing,
    prerequisites,
    references,
    text_files,
    toctree,
)

MODULES = (
    lock,
    failures,
    text_files,
    settings,
    contents,
    leftovers,
    mirror,
    draft,
    metadata,
    missing,
    toctree,
    history,
    build,
    snippet,
    snippet_index,
    shapes,
    gallery_assets,
    gallery_code,
    figure,
    math,
    title_math,
    source_math,
    measured,
    verdicts,
    claim_box,
    claim,
    reproductions,
    status,
    costs,
    environments,
    evidence_line,
    code_guard,
    markup_guard,
    errata,
    foot,
    feed,
    meta_tags,
    plain_text,
    epub,
    assets,
    citation_styles,
    references,
    sidebar,
    prerequisites,
    reading_time,
    neighbors,
    book_map,
    front_page,
    corrections,
    csp,
    portal_map,
    learning_path,
    late,
    addresses,
    sitemap,
    search,
)


def source_version() -> int:
    """A number that follows what makes the pages: this code, and installed packages."""
    here = Path(__file__).parent
    files = sorted([*here.rglob("*.py"), *here.rglob("*.html")])
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    packages = Path(sphinx.__file__).parents[1].glob("*.dist-info")
    digest.update(repr((sys.version, sorted(path.name for path in packages))).encode())
    return int.from_bytes(digest.digest()[:4], "big")


def setup(app: Sphinx) -> ExtensionMetadata:
    for module in MODULES:
        module.setup(app)
    return {
        "version": "1",
        "env_version": source_version(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
