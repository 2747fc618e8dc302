"""The Sphinx extension of this portal: one module per concern."""

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

from portal import (
    claim,
    code_guard,
    evidence_line,
    gallery_figure,
    math,
    measured,
    mirror,
    navigation,
    reproductions,
    shapes,
    sitemap,
    snippet,
    status,
)
from portal.evidence import build


def setup(app: Sphinx) -> ExtensionMetadata:
    for module in (
        mirror,
        build,
        snippet,
        shapes,
        gallery_figure,
        math,
        measured,
        claim,
        reproductions,
        status,
        evidence_line,
        code_guard,
        navigation,
        sitemap,
    ):
        module.setup(app)
    return {
        "version": "1",
        "env_version": 1,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
