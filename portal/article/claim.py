"""``.. claim::`` sets what a source reports beside what came out here. ::

    .. claim:: ainslie2023gqa
       :reports: After uptraining with 5 % of the original compute, quality is close to
          that of multi-head attention.
       :verdict: reproduced in part

       accuracy kept, 4 of 8 heads: grouped_query_attention.mean_4 | .0% in 0.95 1
       accuracy kept, 2 of 8 heads: grouped_query_attention.mean_2 | .0% in 0.70 0.97

       Two heads need twice the training.

The content begins with the values, as ``portal/article/claim_values.py`` reads them; a
value outside its band stops the build. After a blank line follows the reason, which may
have several paragraphs. ``portal/article/verdicts.py`` has the verdicts, with these
conditions:

* *recomputed* is for arithmetic on published numbers, never for what was trained or
  timed. Its bands may have no width.
* *not seen at this size* needs ``:control:``, which says what the control is and names
  the label of its section or figure: ``:control: a head of 16 <attention-heads>``.
* *not tested* has no values.
"""

from dataclasses import dataclass
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinx.util.parsing import nested_parse_to_nodes

from portal.article import verdicts
from portal.article.claim_box import box, verdict_mark
from portal.article.claim_values import Line, Value, is_value, label, lines, measure
from portal.article.rich_text import Piece, of_blocks, pieces
from portal.pages.per_document import PerDocument

RECOMPUTED, NOT_SEEN, NOT_TESTED = "recomputed", "not seen at this size", "not tested"


@dataclass(frozen=True)
class Claim:
    """What a source reports and what came out here."""

    docname: str
    anchor: str
    source: str
    reports: tuple[Piece, ...]
    values: tuple[Value, ...]
    verdict: str
    why: tuple[Piece, ...]


# The claims of all pages, by document.
claims = PerDocument[list[Claim]]("claims")


def everything(env: BuildEnvironment) -> list[Claim]:
    """All claims, in the order of books and pages."""
    return [claim for name in sorted(claims(env)) for claim in claims(env)[name]]


def cited(env: BuildEnvironment, claim: Claim) -> str:
    """Names and year of the source of a claim; its key if it is unknown."""
    entry = env.get_domain("cite").bibdata.data.entries.get(claim.source)
    if entry is None:
        return claim.source
    authors = entry.persons.get("author", [])
    named = authors if len(authors) < 3 else authors[:1]
    names = " and ".join(
        " ".join(map(str, [*one.rich_prelast_names, *one.rich_last_names]))
        for one in named
    )
    others = "" if named == authors else " et al."
    return ", ".join(filter(None, [names + others, entry.fields.get("year")]))


class ClaimDirective(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        "reports": directives.unchanged_required,
        "verdict": directives.unchanged_required,
        "control": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        source, options = self.arguments[0], self.options
        written, start = self._written()
        try:
            self._check(written, start)
        except ValueError as problem:
            raise self.error(f"claim {source} {problem}") from problem
        values, wrong = self._values(written)
        if wrong:
            return wrong
        texts = self._texts(start)
        anchor = f"claim-{self.env.new_serialno('claim') + 1}"
        said = (
            pieces(texts["reports"]),
            values,
            options["verdict"],
            of_blocks(texts["why"]),
        )
        claim = Claim(self.env.docname, anchor, source, *said)
        claims(self.env).setdefault(self.env.docname, []).append(claim)
        mark = verdict_mark("", of=claim.verdict)
        made = box(claim.verdict, mark, values, texts)
        made["ids"] = [anchor]
        self.set_source_info(made)
        return [made]

    def _written(self) -> tuple[list[Line], int]:
        """The lines with values, and where the reason begins."""
        blank = (n for n, text in enumerate(self.content) if not text)
        end = next(blank, len(self.content))
        found = list(lines(self.content[:end], self.content_offset + 1))
        if self.options.get("verdict") == NOT_TESTED and not any(map(is_value, found)):
            return [], 0
        return found, end

    def _check(self, written: list[Line], start: int) -> None:
        needed = [name for name in ("reports", "verdict") if name not in self.options]
        if needed:
            raise ValueError(f"needs {', '.join(f':{name}:' for name in needed)}")
        verdict = verdicts.known(self.options["verdict"])
        if verdict == NOT_TESTED and written:
            raise ValueError("was not tested but has values: judge them, or drop them")
        if verdict == NOT_SEEN and "control" not in self.options:
            raise ValueError("needs :control: what it is <label of where it stands>")
        if start == len(self.content):
            raise ValueError("needs values, a blank line, and a sentence why")

    def _values(
        self, written: list[Line]
    ) -> tuple[tuple[Value, ...], list[nodes.system_message]]:
        """The values, and a message at the line of each that is wrong."""
        found, wrong = [], []
        exact = self.options["verdict"] == RECOMPUTED
        some = any(map(is_value, written))
        for line in written if some else written[:1]:  # the others are of a reason
            try:
                text = pieces(self._inline(label(line), line.number))
                found.append(measure(self.env, line, text, exact))
            except (LookupError, ValueError) as problem:
                message = f"claim {self.arguments[0]}: {problem}"
                wrong.append(self.state.reporter.error(message, line=line.number))
        return tuple(found), wrong

    def _texts(self, start: int) -> dict[str, list[nodes.Node]]:
        control = self.options.get("control", "")
        offset = self.content_offset + start
        return {
            "source": self._inline(f"by :cite:t:`{self.arguments[0]}`: "),
            "reports": self._inline(self.options["reports"]),
            "control": self._inline(f":ref:`{control}`" if control else ""),
            "why": nested_parse_to_nodes(
                self.state,
                self.content[start:],
                offset=offset,
                allow_section_headings=False,
            ),
        }

    def _inline(self, text: str, line: int = -1) -> list[nodes.Node]:
        found, messages = self.parse_inline(text, lineno=line)
        return [*found, *messages]


def setup(app: Sphinx) -> None:
    app.add_directive("claim", ClaimDirective)
    claims.connect(app)
