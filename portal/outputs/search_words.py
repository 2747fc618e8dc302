"""What a search finds a page by besides its text, and in which kind and book.

Aliases stand in the page's metadata (``:aliases: GQA, grouped query attention``),
authors, titles, arXiv numbers and DOIs in the sources that it cites, and the names of
its functions and classes in its listings. Its pitfalls have their symptoms as titles,
which readers paste as error messages; those are read from the written page.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lxml.builder import E
from lxml.html import HtmlElement, document_fromstring, tostring
from pybtex.database import Entry
from pybtex.richtext import Text as LaTeX
from sphinx.environment import BuildEnvironment

from portal.article.source_math import plain
from portal.pages.metadata import of_fields
from portal.pages.titles import title

ARTICLE = "furo-main-content"
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@dataclass(frozen=True)
class Words:
    """What is known of one page."""

    title: str
    kind: str
    book: str
    aliases: str
    summary: str
    sources: str  # in LaTeX
    names: str
    full_names: str

    def page(self, html: str) -> str:
        """What Pagefind reads: the article of a written page, and these words.

        Sections give their names to their headings, so that a result can lead there.

        Raises
        ------
        ValueError
            If the page has no article.
        """
        article = document_fromstring(html).get_element_by_id(ARTICLE, None)
        if article is None:
            raise ValueError(f"the page {self.title!r} has no article to be searched")
        seen = symptoms(article)
        lead_to_headings(article)
        article.tag = "div"
        article.attrib.clear()
        if self.kind in ("Gallery", "Snippets"):  # articles show the same
            article.set("data-pagefind-weight", "0.5")
        sources = plain(str(LaTeX.from_latex(self.sources)))
        filters = {"kind": self.kind, "book": self.book}
        notes = [
            E.i({f"data-pagefind-{what}": f"{name}[title]", "title": value})
            for what, values in (
                ("meta", {**vars(self), "sources": sources, "symptoms": seen}),
                ("filter", filters),
            )
            for name, value in values.items()
            if value
        ]
        body = E.body(E.main({"data-pagefind-body": ""}, *notes, article))
        page = E.html({"lang": "en"}, body)
        return tostring(page, encoding="unicode", doctype="<!doctype html>")


def lead_to_headings(article: HtmlElement) -> None:
    """Give headings the names of their sections, and no link; make terms headings."""
    for link in article.find_class("headerlink"):
        link.drop_tree()
    for section in article.iter("section"):
        if section.get("id") == "references":  # their words are those of ``sources``
            section.set("data-pagefind-ignore", "")
        heading = next(section.iterchildren(*HEADINGS), None)
        if heading is not None and "id" in section.attrib:
            heading.set("id", section.attrib.pop("id"))
    for term in article.xpath(".//dl[contains(@class, 'glossary')]/dt"):
        term.tag = "h6"  # a result leads to each, as to a heading


def symptoms(article: HtmlElement) -> str:
    """The titles of the pitfalls: what begins their paragraphs in bold or italics."""
    paragraphs = article.xpath(".//section[@id='pitfalls']/p[strong or em]")
    starts = [one[0].text_content() for one in paragraphs if not one.text]
    return " ".join(starts)


def kind(docname: str) -> str:
    """What a reader finds there; empty for pages that only list others.

    >>> kind("positions/rope"), kind("positions/index"), kind("gallery/a/plot_b")
    ('Article', 'Start here', 'Gallery')
    >>> kind("gallery/index"), kind("snippets"), kind("status")
    ('', 'Snippets', 'Reference')
    """
    first, *rest = docname.split("/")
    if first == "gallery":
        return "Gallery" if len(rest) == 2 and rest[1] != "index" else ""
    if rest:
        return "Start here" if rest == ["index"] else "Article"
    return {"index": "", "404": "", "snippets": "Snippets"}.get(first, "Reference")


def source(entry: Entry) -> str:
    """Authors, title, arXiv number and DOI of a source, in LaTeX."""
    people = entry.persons.get("author", [])
    names = [name for who in people for name in (*who.first_names, *who.last_names)]
    fields = [entry.fields.get(name, "") for name in ("title", "eprint", "doi")]
    return " ".join(filter(None, [*names, *fields]))


def cited(env: BuildEnvironment) -> dict[str, list[str]]:
    """The keys that each page cites, once each."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for reference in env.get_domain("cite").citation_refs:
        keys = [target.key for target in reference.targets]
        found[reference.docname].update(dict.fromkeys(keys))
    return {name: sorted(keys) for name, keys in found.items()}


def listed(env: BuildEnvironment) -> dict[str, list[str]]:
    """The functions and classes that each page shows, after book and page."""
    found = defaultdict(list)
    for name, place in env.domains.python_domain.objects.items():
        if name.startswith("snippets."):
            found[place.docname].append(name.removeprefix("snippets."))
    return {page: sorted(names) for page, names in found.items()}


def book(env: BuildEnvironment, docname: str) -> str:
    """The title of the book of a page; empty if it has none."""
    start = f"{docname.split('/')[-2]}/index" if "/" in docname else ""
    return title(env, start) if start in env.titles else ""


def words(env: BuildEnvironment) -> dict[str, Words]:
    """The words of every page that is searched."""
    entries = env.get_domain("cite").bibdata.data.entries
    sources, names = cited(env), listed(env)
    said = {name: of_fields(env.metadata[name]) for name in env.found_docs}

    def joined(parts: Iterable[str]) -> str:
        return ", ".join(parts)

    return {
        name: Words(
            title=title(env, name),
            kind=kind(name),
            book=book(env, name),
            aliases=joined(said[name].aliases),
            summary=said[name].summary,
            sources=joined(
                source(entries[key]) for key in sources.get(name, []) if key in entries
            ),
            names=joined(full.rpartition(".")[2] for full in names.get(name, [])),
            full_names=joined(names.get(name, [])),
        )
        for name in sorted(env.found_docs)
        if kind(name)
    }
