"""The first mention of a term on a page shows its definition, and leads to it.

Terms are defined in Sphinx's own directive, in any article. ::

    .. glossary::

       perplexity
          The exponential of the mean negative log-probability of the tokens. A reader
          who hovers over the word sees this first paragraph, so it has no formula.

          Formulas and code follow. See :doc:`/transformers/gpt` and :term:`entropy`.

Several names on lines of their own share a definition. Each leads on to a page or to
another term. A name in lower case is found at the start of a sentence and in the plural
too; one with capitals only as it is written.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

from portal.article.code_guard import place
from portal.order import Read, Resolved
from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed

# Text in these says what something is called, or is code, or leads elsewhere.
CLOSED = (
    nodes.literal,
    nodes.math,
    nodes.reference,
    nodes.figure,
    nodes.table,
    nodes.footnote,
    nodes.citation,
)

logger = logging.getLogger(__name__)


class Definition(NamedTuple):
    names: list[str]
    anchor: str
    text: str


definitions = PerDocument[list[Definition]]("terms")


class term_mention(nodes.reference):
    """A word of the text, with its ``definition``."""


def problem(item: nodes.definition_list_item) -> str:
    """What a definition lacks; empty if nothing."""
    body = item[-1]
    if not body.children or not isinstance(body[0], nodes.paragraph):
        return "begins with a paragraph that says what it is"
    if next(body[0].findall(nodes.math), None):
        return "has no formula in its first paragraph, which is shown where one hovers"
    if not any(True for _ in body.findall(addnodes.pending_xref)):
        return "leads on to a page or to another term"
    return ""


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what the glossaries of a document define."""
    found = []
    for glossary in doctree.findall(addnodes.glossary):
        for item in glossary.findall(nodes.definition_list_item):
            terms = list(item.findall(nodes.term))
            if lack := problem(item):
                text = f"the definition of {terms[0].astext()!r} {lack}: this does not"
                logger.warning("%s", text, location=place(terms[0]), type="terms")
                continue
            said = " ".join(item[-1][0].astext().split())
            names = [term.astext() for term in terms]
            found.append(Definition(names, terms[0]["ids"][0], said))
    if found:
        definitions(app.env)[app.env.docname] = found


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages, if a definition has changed."""
    defined = repr(sorted(definitions(env).items()))
    digest = hashlib.sha256(defined.encode()).hexdigest()  # once, not for each page
    return changed(env, "terms", dict.fromkeys(env.found_docs, digest))


def pattern(names: list[str]) -> re.Pattern:
    """Finds one of the names as a word of its own, and its plural.

    >>> found = pattern(["k-means", "AUC", "bag of words"])
    >>> found.findall("K-means, AUCs, auc, XAUC, a bag\\nof words, bag of words-like")
    ['K-means', 'AUC', 'bag\\nof words']
    """
    forms = []
    for name in sorted(names, key=len, reverse=True):
        form = re.escape(name).replace("\\ ", r"\s+")
        if name == name.lower():
            form = f"[{name[0].upper()}{name[0]}]{form[1:]}"
        forms.append(form)
    return re.compile(rf"(?<![\w-])({'|'.join(forms)})s?(?![\w-])")


def texts(doctree: nodes.document) -> Iterator[nodes.Text]:
    """What paragraphs say in plain or emphasized words."""
    for paragraph in doctree.findall(nodes.paragraph):
        for text in paragraph.findall(nodes.Text):
            node = text.parent
            while node is not None and not isinstance(node, CLOSED):
                node = node.parent
            if node is None:
                yield text


def mark(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Make the first mention of each term a link that has its definition."""
    glossaries = definitions(app.env)
    if app.builder.name != "html" or not glossaries or docname in glossaries:
        return
    known = {
        name: (page, definition)
        for page, found in glossaries.items()
        for definition in found
        for name in definition.names
    }
    words, seen = pattern(list(known)), set()
    for text in list(texts(doctree)):
        parts, end = [], 0
        for match in words.finditer(text):
            word = " ".join(match[1].split())
            name = word if word in known else word[0].lower() + word[1:]
            page, definition = known[name]
            if definition.anchor not in seen:
                seen.add(definition.anchor)
                uri = app.builder.get_relative_uri(docname, page)
                link = term_mention("", match[0], refuri=f"{uri}#{definition.anchor}")
                link["definition"] = definition.text
                parts += [nodes.Text(text[end : match.start()]), link]
                end = match.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def visit(self: HTML5Translator, node: term_mention) -> None:
    attributes = {"href": node["refuri"], "data-definition": node["definition"]}
    self.body.append(self.starttag(node, "a", "", CLASS="term", **attributes))


def depart(self: HTML5Translator, node: term_mention) -> None:
    self.body.append("</a>")


def setup(app: Sphinx) -> None:
    definitions.connect(app)
    app.add_node(term_mention, html=(visit, depart))
    app.connect("doctree-read", collect, priority=Read.GUARDS)
    app.connect("env-updated", rewrite)
    app.connect("doctree-resolved", mark, priority=Resolved.TERMS)
