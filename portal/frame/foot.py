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
from portal.pages.history import last_commit

REPORT = """\
Page: {page}
Section:
Version: {version}, commit {commit}

What is wrong, and how to see it:
"""


def issue_address(repository: str, title: str, body: str) -> str:
    """Where one writes an issue with this title and body; empty without a repository.

    >>> issue_address("https://github.com/a/b/", "Rope: ", "Page: rope")
    'https://github.com/a/b/issues/new?title=Rope%3A+&body=Page%3A+rope'
    >>> issue_address("https://gitlab.com/a/b", "T", "B")
    'https://gitlab.com/a/b/-/issues/new?issue%5Btitle%5D=T&issue%5Bdescription%5D=B'
    """
    if not repository:
        return ""
    gitlab = "://gitlab." in repository
    where = "-/issues/new" if gitlab else "issues/new"
    names = ("issue[title]", "issue[description]") if gitlab else ("title", "body")
    query = urlencode(dict(zip(names, (title, body), strict=True)))
    return f"{repository.rstrip('/')}/{where}?{query}"


def report(app: Sphinx, pagename: str) -> str:
    """What a report of a mistake begins with."""
    at = last_commit(app.env, pagename) or "unknown"
    return REPORT.format(page=pagename, version=app.config.version, commit=at)


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
        issue=issue_address(repository, f"{pagename}: ", report(app, pagename)),
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
