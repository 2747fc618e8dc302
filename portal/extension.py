"""The Sphinx extension of this portal: one module per concern, by rooms.

Which of them handles an event first is said in ``portal/order.py``, not here.
"""

import hashlib
import sys
from importlib import import_module
from pathlib import Path

import sphinx
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

MODULES = {
    "pages": (
        "failures text_files mirror draft metadata missing toctree history late "
        "references prerequisites"
    ),
    "evidence": "lock settings contents build",
    "article": (
        "snippet shapes gallery_code figure math title_math source_math measured "
        "verdicts claim_box claim evidence_line code_guard markup_guard citation_styles"
    ),
    "guide": "reading_time neighbors book_map portal_map learning_path",
    "overview": (
        "snippet_index reproductions status costs environments errata front_page"
    ),
    "outputs": "feed plain_text epub sitemap search",
    "frame": (
        "leftovers page_files foot meta_tags assets sidebar corrections csp addresses"
    ),
}


def source_version() -> int:
    """A number that follows what makes the pages: this code, and installed packages."""
    here = Path(__file__).parent
    files = sorted([*here.rglob("*.py"), *here.rglob("*.html")])
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    packages = Path(sphinx.__file__).parents[1].glob("*.dist-info")
    digest.update(repr((sys.version, sorted(path.name for path in packages))).encode())
    return int.from_bytes(digest.digest()[:4], "big")


def setup(app: Sphinx) -> ExtensionMetadata:
    for room, names in MODULES.items():
        for name in names.split():
            import_module(f"portal.{room}.{name}").setup(app)
    return {
        "version": "1",
        "env_version": source_version(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
