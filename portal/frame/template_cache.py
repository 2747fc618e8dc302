"""Templates of pages are compiled once and not in each build, to ``build/templates``.

Jinja compiles a template again when its source or Jinja's own version is another.
"""

from pathlib import Path

from jinja2 import FileSystemBytecodeCache
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder


def use(app: Sphinx) -> None:
    if isinstance(app.builder, StandaloneHTMLBuilder):
        folder = Path(app.confdir, "build/templates")
        folder.mkdir(parents=True, exist_ok=True)
        cache = FileSystemBytecodeCache(str(folder))
        app.builder.templates.environment.bytecode_cache = cache


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", use)
