"""How to cite a page: as text and as BibTeX, with the date of its last commit."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from sphinx.application import Sphinx

from portal.pages import titles
from portal.pages.history import last_date


class Citation(NamedTuple):
    text: str
    bibtex: str


def public_address(app: Sphinx, docname: str) -> str:
    """Where the page is published; empty if the site was built for this machine."""
    base = app.config.html_baseurl
    if urlsplit(base).hostname in (None, "localhost"):
        return ""
    return f"{base.rstrip('/')}/{app.builder.get_target_uri(docname)}"


def escaped(text: str) -> str:
    r"""Text as TeX reads it.

    >>> print(escaped("Q&A: 5 % of C#"))
    Q\&A: 5 \% of C\#
    """
    return re.sub(r"([&%$#_{}])", r"\\\1", text)


def bibtex(key: str, fields: dict[str, str]) -> str:
    """An entry of the fields that are not empty.

    >>> print(bibtex("a:b", {"title": "{T}", "note": "", "url": "https://a.org/b_c"}))
    @misc{a:b,
      title = {{T}},
      url = {https://a.org/b_c}
    }
    """
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key},", ",\n".join(lines), "}"])


def citation(app: Sphinx, docname: str) -> Citation:
    """The citation of a page of a book."""
    author, site = app.config.author, app.config.project
    book, _, page = docname.partition("/")
    title = titles.title(app.env, docname)
    where = f"{site}: {titles.book_title(app.env, book)}"
    date, address = last_date(app.env, docname), public_address(app, docname)
    text = f"{author}, “{title}”, {where}{date and f', version of {date}'}."
    fields = {
        "author": f"{{{escaped(author)}}}",
        "title": f"{{{escaped(title)}}}",
        "howpublished": escaped(where),
        "year": date[:4],
        "note": date and f"Version of {date}",
        "url": address,
    }
    return Citation(f"{text} {address}".strip(), bibtex(f"{book}:{page}", fields))
