"""References that lead nowhere: what is not there, and what may have been meant.

Labels, pages, equations, functions and sources are looked up by Sphinx and by
sphinxcontrib-bibtex, whose own messages say only that a name is unknown. A list of
sources that cannot be read ends the build at its line.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from pybtex.database import parse_file
from pybtex.exceptions import PybtexError
from pybtex.scanner import PybtexSyntaxError
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import docname_join, logging
from sphinxcontrib.bibtex.citation_target import parse_citation_targets

from portal.order import Inited
from portal.text.hint import hint

ENTRY = re.compile(r"\s*@\w+\s*[{(]\s*([^\s,]+)")

logger = logging.getLogger(__name__)


def is_generated(label: str) -> bool:
    """Whether no author wrote a label: Sphinx or Sphinx-Gallery did."""
    return label.startswith("sphx_glr_") or label.endswith(("index", "search"))


def sought(env: BuildEnvironment, node: pending_xref) -> tuple[str, str, Iterable[str]]:
    """What a reference is to, its name, and the names that there are.

    The first is empty for what Sphinx reports well enough itself.
    """
    name = node["reftarget"]
    match node.get("refdomain"), node["reftype"]:
        case "std", "ref" if name not in env.domains.standard_domain.anonlabels:
            labels = env.domains.standard_domain.labels
            return "label", name, (own for own in labels if not is_generated(own))
        case "std", "doc":
            pages = (f"/{page}" for page in env.found_docs)
            return "page", f"/{docname_join(node['refdoc'], name)}", pages
        case "math", "eq":
            return "equation", name, env.domains.math_domain.equations
        case "py", _:
            return "listing", name, env.domains.python_domain.objects
    return "", name, ()


def warn(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.TextElement | None:
    """Report a reference that leads nowhere; returns its text if it was reported."""
    what, name, known = sought(env, node)
    if not what:
        return None
    kind = {"type": "ref", "subtype": node["reftype"]}
    text = f"there is no {what} {name!r}; {hint(name, known)}"
    logger.warning("%s", text, location=node, **kind)
    return shown


def citations(doctree: nodes.document) -> Iterator[tuple[pending_xref, str]]:
    """The sources that a page cites, each with its reference."""
    for node in list(doctree.findall(pending_xref)):
        if node.get("refdomain") == "cite":
            for target in parse_citation_targets(node["reftarget"]):
                yield node, target.key


class UnknownSources(SphinxPostTransform):
    """Reports unknown sources, and takes them out, so that nothing reports them again.

    Each time that a page is written, since a source may go while the page stays.
    """

    default_priority = 5  # references are resolved at 10

    def run(self, **kwargs: Any) -> None:
        known = {*self.env.get_domain("cite").bibdata.data.entries}
        files = " or ".join(self.config.bibtex_bibfiles)
        for node, key in citations(self.document):
            if key not in known:
                text = f"there is no source {key!r} in {files}; {hint(key, known)}"
                logger.warning("%s", text, location=node, type="bibtex")
                if node.parent:
                    node.replace_self(nodes.problematic("", key))


def line_of(problem: PybtexError, text: str) -> int:
    """The line at which a list of sources cannot be read.

    >>> from pybtex.database import BibliographyDataError
    >>> problem = BibliographyDataError("repeated bibliography entry: bee")
    >>> line_of(problem, "@misc{bee, year=1}\\n@misc{cat, year=2}\\n@misc{bee, year=3}")
    3
    """
    if isinstance(problem, PybtexSyntaxError):
        return problem.lineno
    words = str(problem).split()
    starts = (ENTRY.match(line) for line in text.splitlines())
    lines = [n for n, start in enumerate(starts, 1) if start and start[1] in words]
    return max(lines, default=1)


def check_sources(app: Sphinx) -> None:
    """End the build where a list of sources cannot be read."""
    for file in (Path(app.confdir, name) for name in app.config.bibtex_bibfiles):
        try:
            parse_file(file)
        except PybtexError as problem:
            where = f"{file}:{line_of(problem, file.read_text('utf-8'))}"
            logger.error("%s; correct the entry", problem, location=where)
            raise SystemExit(1) from problem


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", check_sources, priority=Inited.LAYOUT)
    app.add_post_transform(UnknownSources)
    app.connect("missing-reference", warn)
