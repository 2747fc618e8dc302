"""The Sphinx extension of this portal: one module per concern, by rooms.

Which of them handles an event first is said in ``portal/order.py``, not here.
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
    colab,
    evidence_line,
    figure,
    gallery_code,
    markup_guard,
    math,
    measured,
    shapes,
    snippet,
    source_math,
    terms,
    title_math,
    verdicts,
    widget,
)
from portal.evidence import (
    build,
    contents,
    lock,
    settings,
)
from portal.frame import (
    addresses,
    assets,
    corrections,
    csp,
    foot,
    leftovers,
    meta_tags,
    page_files,
    sidebar,
    template_cache,
)
from portal.guide import (
    book_map,
    learning_path,
    neighbors,
    portal_map,
    reading_time,
)
from portal.outputs import (
    epub,
    feed,
    plain_text,
    search,
    sitemap,
    take_away,
)
from portal.overview import (
    costs,
    environments,
    errata,
    example_claim,
    front_page,
    reproductions,
    snippet_index,
    status,
    verdict_squares,
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
    failures,
    text_files,
    mirror,
    draft,
    metadata,
    missing,
    toctree,
    history,
    late,
    references,
    prerequisites,
    lock,
    settings,
    contents,
    build,
    snippet,
    shapes,
    gallery_code,
    figure,
    widget,
    math,
    title_math,
    source_math,
    measured,
    verdicts,
    claim_box,
    claim,
    colab,
    evidence_line,
    code_guard,
    markup_guard,
    terms,
    citation_styles,
    reading_time,
    neighbors,
    book_map,
    portal_map,
    learning_path,
    snippet_index,
    reproductions,
    verdict_squares,
    status,
    costs,
    environments,
    errata,
    example_claim,
    front_page,
    feed,
    plain_text,
    epub,
    sitemap,
    take_away,
    search,
    leftovers,
    template_cache,
    page_files,
    foot,
    meta_tags,
    assets,
    sidebar,
    corrections,
    csp,
    addresses,
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
