"""Style sheets and scripts of Sphinx-Gallery, on pages of the gallery alone.

It puts them into every page; articles show figures in a way of our own.
"""

from pathlib import Path

from sphinx.application import Sphinx

from portal.order import Context

PREFIXES = ("sg_gallery", "sg-tags")
USED = "sphx-glr"  # in the classes of all that Sphinx-Gallery writes


def leave_out(app: Sphinx, pagename: str, _: str, context: dict, *__: object) -> None:
    if USED in context.get("body", ""):
        return
    for kind in ("css_files", "script_files"):
        context[kind] = [
            file
            for file in context[kind]
            if not Path(file.filename or "").name.startswith(PREFIXES)
        ]


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", leave_out, priority=Context.FILES)
