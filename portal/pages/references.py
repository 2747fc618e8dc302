"""Pages that refer to what went, moved or changed elsewhere are written again.

A reference shows text of another page, a title or the number of an equation, and leads
to a place there; both are looked up when a page is written. So each document notes what
it refers to, and is written again when what goes by such a name is no longer the same,
by which a dangling reference is found as well. Sources that a bibliography lists count
too, since they follow from what all documents cite.

Names are compared by their last word, which a reference has in common with its target
however it is spelled: ``rotate`` of ``snippets.positions.rope.rotate``.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from portal.order import Read, Updated
from portal.pages.per_document import PerDocument
from portal.pages.rewrite import changed

# The last words of what each document refers to.
referred = PerDocument[set[str]]("referred")


def last_word(name: str) -> str:
    """What all spellings of a name end in.

    >>> last_word("snippets.positions.rope.Rotate"), last_word("/positions/rope")
    ('rotate', 'rope')
    """
    words = re.findall(r"\w+", name)
    return words[-1].casefold() if words else ""


def note(app: Sphinx, doctree: nodes.document) -> None:
    """Keep what the document that was read refers to."""
    references = doctree.findall(pending_xref)
    names = {last_word(reference["reftarget"]) for reference in references}
    referred(app.env)[app.env.docname] = names


def targets(env: BuildEnvironment) -> Iterator[tuple[str, object]]:
    """Everything that a document can refer to: a name, and what a reference shows."""
    for domain in env.domains.sorted():
        for name, *shown in domain.get_objects():
            yield name, (domain.name, name, *shown)
    yield from env.domains.math_domain.equations.items()
    for docname, key, *shown in sources(env):
        yield key, (docname, *shown)


def sources(env: BuildEnvironment) -> Iterator[tuple]:
    """Document, key and content of all entries of bibliographies."""
    for citation in env.get_domain("cite").citations:
        docname = citation.bibliography_key.docname
        label = citation.formatted_entry.label
        yield docname, citation.key, citation.citation_id, label, citation.entry


def rewrite(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Documents whose references show something else, or lead elsewhere."""
    known: dict[str, list[str]] = defaultdict(list)
    for name, shown in targets(env):
        known[last_word(name)].append(repr(shown))
    listed = defaultdict(list)
    for docname, *source in sources(env):
        listed[docname].append(source)
    views = {
        docname: (
            [sorted(known[name]) for name in sorted(names) if name in known],
            listed[docname],
        )
        for docname, names in referred(env).items()
    }
    return changed(env, "references", views)


def setup(app: Sphinx) -> None:
    referred.connect(app)
    app.connect("doctree-read", note, priority=Read.REFERENCES)
    app.connect("env-updated", rewrite, priority=Updated.REFERENCES)
