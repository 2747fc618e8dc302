"""Style sheets and scripts only on pages that use them.

Sphinx-Gallery puts its own into every page, though articles show figures in a way of
our own; and Sphinx what only its own search uses.
"""

from pathlib import Path

from sphinx.application import Sphinx

from portal.order import Context

GALLERY = ("sg_gallery", "sg-tags")
GALLERY_CLASS = "sphx-glr"  # in the classes of all that Sphinx-Gallery writes
SEARCH = ("sphinx_highlight", "doctools")


def leave_out(app: Sphinx, pagename: str, _: str, context: dict, *__: object) -> None:
    unused = SEARCH if pagename != "search" else ()
    if GALLERY_CLASS not in context.get("body", ""):
        unused += GALLERY
    for kind in ("css_files", "script_files"):
        context[kind] = [
            file
            for file in context[kind]
            if not Path(file.filename or "").name.startswith(unused)
        ]


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", leave_out, priority=Context.FILES)
