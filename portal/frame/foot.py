"""What stands at the foot of every page, by which a reader can check and cite it.

Articles have how to cite them and the commits that changed them, in boxes that open;
every page links to Reproductions, Status, Errata and the feed. With a
``source_repository`` among the ``html_theme_options`` it also leads to a new issue that
names the page (the theme itself shows a link to edit it).
"""

from urllib.parse import urlencode

from sphinx.application import Sphinx

from portal.frame.templates import render
from portal.order import Context
from portal.outputs import feed
from portal.overview import errata
from portal.pages.citation import citation


def issue_address(repository: str, title: str) -> str:
    """Where one writes an issue of this title; empty without a repository.

    >>> issue_address("https://github.com/a/b/", "Rope: ")
    'https://github.com/a/b/issues/new?title=Rope%3A+'
    >>> issue_address("https://gitlab.com/a/b", "T")
    'https://gitlab.com/a/b/-/issues/new?issue%5Btitle%5D=T'
    """
    if not repository:
        return ""
    gitlab = "://gitlab." in repository
    where = "-/issues/new" if gitlab else "issues/new"
    query = urlencode({"issue[title]" if gitlab else "title": title})
    return f"{repository.rstrip('/')}/{where}?{query}"


def foot(app: Sphinx, pagename: str, context: dict) -> str:
    """The HTML of the foot of one page."""
    is_article = pagename in app.env.portal_commits
    repository = app.config.html_theme_options.get("source_repository", "")
    return render(
        "page_foot.html",
        citation=citation(app, pagename) if is_article else None,
        commits=app.env.portal_commits.get(pagename, []),
        errata=errata.dates(app.env, pagename),
        feeds=feed.of_page(app, pagename),
        hasdoc=context["hasdoc"],
        history_is_known=not app.env.portal_history,
        is_article=is_article,
        issue=issue_address(repository, f"{pagename}: "),
        pathto=context["pathto"],
        text=f"{pagename.rpartition('/')[2]}.txt",
    )


def add(app: Sphinx, pagename: str, _: str, context: dict, *__: object) -> None:
    if pagename.startswith("gallery/"):
        context["page_source_suffix"] = ""  # generated: there is nothing to edit
    if app.builder.name != "epub":
        context["page_foot"] = foot(app, pagename, context)


def setup(app: Sphinx) -> None:
    app.connect("html-page-context", add, priority=Context.PAGE)
