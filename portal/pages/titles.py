"""The title of a page as a line of text, and links that show it.

A title is a tree: a formula in it is set in the heading, and is a line of text here, as
``portal/article/title_math.py`` makes it. So titles are taken by ``title`` alone.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def title(env: BuildEnvironment, docname: str) -> str:
    return env.titles[docname].astext()


def book_title(env: BuildEnvironment, book: str) -> str:
    """What a book is called: the title of its first page."""
    start = f"{book}/index"
    return title(env, start) if start in env.titles else book


def link(
    app: Sphinx, docname: str, target: str, text: str = "", anchor: str = ""
) -> nodes.reference:
    """A link from one page to another, or to a place there, by its title or a text."""
    uri = app.builder.get_relative_uri(docname, target) + f"#{anchor}" * bool(anchor)
    shown = text or title(app.env, target)
    return nodes.reference("", shown, refuri=uri, internal=True)
