"""All pages are written again when a template, a style sheet or a script has changed.

Pages are set into templates, and name style sheets, scripts and the modules of widgets
with a digest of their content, so that browsers load the new ones. Sphinx compares
dates of templates only, which says nothing of one that was removed or put back.
"""

import hashlib
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.article import widget
from portal.pages.rewrite import changed

KINDS = {".css", ".html", ".js", ".json", ".safetensors", ".wasm"}


def digest(folders: list[Path]) -> str:
    """A digest of templates, style sheets, scripts and their data, with their names."""
    made = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            if file.suffix in KINDS and file.is_file():
                made.update(f"{file}\0{file.stat().st_size}\0".encode())
                made.update(file.read_bytes())
    return made.hexdigest()


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    names = [*app.config.templates_path, *app.config.html_static_path]
    folders = [*(Path(app.confdir, name) for name in names), widget.FOLDER]
    found = digest(folders)
    return changed(env, "frame", dict.fromkeys(env.found_docs, found))


def setup(app: Sphinx) -> None:
    app.connect("env-updated", rewrite)
