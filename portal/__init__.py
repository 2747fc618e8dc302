"""The Sphinx extension of this portal: one module per concern.

They are imported when Sphinx sets the extension up, since code of pages that runs in a
process of its own imports this package too, and needs few of them.
"""

import hashlib
import importlib
import sys
from pathlib import Path

import sphinx
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

MODULES = (
    "turns",
    "failures",
    "text_files",
    "settings",
    "contents",
    "leftovers",
    "mirror",
    "draft",
    "metadata",
    "missing",
    "toctree",
    "history",
    "evidence.build",
    "snippet",
    "snippet_index",
    "shapes",
    "gallery_assets",
    "gallery_code",
    "gallery_figure",
    "math",
    "title_math",
    "source_math",
    "measured",
    "claim",
    "reproductions",
    "status",
    "costs",
    "environments",
    "evidence_line",
    "code_guard",
    "markup_guard",
    "errata",
    "page_foot",
    "feed",
    "head",
    "plain_text",
    "epub",
    "frame",
    "citation_styles",
    "references",
    "navigation",
    "prerequisites",
    "reading_time",
    "follow",
    "book_map",
    "front",
    "conformance",
    "csp",
    "portal_map",
    "learning_path",
    "links",
    "addresses",
    "security",
    "sitemap",
    "search",
)


def source_version() -> int:
    """A number that follows what makes the pages: this code, and installed packages."""
    here = Path(__file__).parent
    files = sorted([*here.rglob("*.py"), *here.glob("templates/*")])
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files))
    packages = Path(sphinx.__file__).parents[1].glob("*.dist-info")
    digest.update(repr((sys.version, sorted(path.name for path in packages))).encode())
    return int.from_bytes(digest.digest()[:4], "big")


def setup(app: Sphinx) -> ExtensionMetadata:
    for name in MODULES:
        importlib.import_module(f"portal.{name}").setup(app)
    return {
        "version": "1",
        "env_version": source_version(),
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
