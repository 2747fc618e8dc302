"""``.. claim::`` sets what a source reports beside what this portal measured. ::

    .. claim:: su2021rope
       :reports: Scores depend on the distance of two positions alone.
       :measured: rope.largest_difference | .0e
       :band: 0 1e-6
       :verdict: confirmed

       Both vectors are turned, so only the difference of the angles is left.

``measured`` names values as the role ``:measured:`` does, several separated by ``;``,
and ``band`` the interval for each, in the same order. A value outside its band stops
the build. The verdict is *confirmed*, *confirmed in part*, *not at this size* or
*contradicted*; the content says in a sentence why.
"""

from dataclasses import dataclass
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from portal.article import measured
from portal.pages.per_document import PerDocument
from portal.text.hint import hint

VERDICTS = ("confirmed", "confirmed in part", "not at this size", "contradicted")


@dataclass(frozen=True)
class Value:
    """One measured value of a claim."""

    name: str
    text: str
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.text} (band {self.low:g} to {self.high:g})"


@dataclass(frozen=True)
class Claim:
    """What a source reports and what came out here."""

    docname: str
    anchor: str
    source: str
    reports: str
    values: tuple[Value, ...]
    verdict: str
    why: str

    @property
    def results(self) -> str:
        return ", ".join(map(str, self.values))


def known_verdict(text: str) -> str:
    """One of the verdicts; ``ValueError`` otherwise."""
    if text not in VERDICTS:
        raise ValueError(f"there is no verdict {text!r}; {hint(text, VERDICTS)}")
    return text


def bands(text: str, count: int) -> list[tuple[float, float]]:
    """Intervals from ``low high; low high``.

    >>> bands("0 1; -inf 2.5", 2)
    [(0.0, 1.0), (-inf, 2.5)]
    """
    parts = [part.split() for part in text.split(";")]
    try:
        found = [(float(low), float(high)) for low, high in parts]
    except ValueError:
        found = []
    if len(found) != count:
        wanted = "; ".join(["low high"] * count)
        raise ValueError(f"the band is {text!r}; write numbers as :band: {wanted}")
    for low, high in found:
        if not low <= high:
            raise ValueError(f"the band begins above its end: {low:g} to {high:g}")
    return found


# The claims of all pages, by document.
claims = PerDocument[list[Claim]]("claims")


def measure(env: BuildEnvironment, names: str, band: str) -> tuple[Value, ...]:
    """The values of a claim, each inside its band.

    Raises
    ------
    LookupError, ValueError
        If a value is unknown or not finite, a band malformed, or a value outside.
    """
    parts = [part.strip() for part in names.split(";")]
    made = []
    for part, (low, high) in zip(parts, bands(band, len(parts)), strict=True):
        name, spec = measured.parsed(part)
        number = measured.value(env, name)
        if not low <= number <= high:
            raise ValueError(
                f"{name} is {number:g}, outside its band {low:g} to {high:g}: "
                "correct the script, or the band and the verdict"
            )
        made.append(Value(name, measured.formatted(number, spec), number, low, high))
    return tuple(made)


class ClaimDirective(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {
        "reports": directives.unchanged_required,
        "measured": directives.unchanged_required,
        "band": directives.unchanged_required,
        "verdict": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        missing = [name for name in self.option_spec if name not in self.options]
        if missing or not self.content:
            needs = ", ".join(f":{name}:" for name in missing) or "a sentence why"
            raise self.error(f"claim {self.arguments[0]} needs {needs}")
        try:
            values = measure(self.env, self.options["measured"], self.options["band"])
            verdict = known_verdict(self.options["verdict"])
        except (LookupError, ValueError) as problem:
            raise self.error(f"claim {self.arguments[0]}: {problem}") from problem
        anchor = f"claim-{self.env.new_serialno('claim') + 1}"
        claim = Claim(
            self.env.docname,
            anchor,
            self.arguments[0],
            self.options["reports"],
            values,
            verdict,
            "\n".join(self.content),
        )
        claims(self.env).setdefault(self.env.docname, []).append(claim)
        return [self._shown(claim)]

    def _shown(self, claim: Claim) -> nodes.Node:
        verdict = claim.verdict.replace(" ", "-")
        box = nodes.container(ids=[claim.anchor], classes=["claim", f"claim-{verdict}"])
        self.set_source_info(box)
        for text in (
            f":cite:t:`{claim.source}` reports: {claim.reports}",
            f"Here: {claim.results}.",
        ):
            children, messages = self.parse_inline(text)
            box += [nodes.paragraph("", "", *children), *messages]
        box += self._why(claim.verdict)
        return box

    def _why(self, verdict: str) -> list[nodes.Node]:
        """The content, whose first paragraph begins with the verdict."""
        why = self.parse_content_to_nodes()
        if not isinstance(why[0], nodes.paragraph):
            why.insert(0, nodes.paragraph())
        spoken = nodes.strong("", f"{verdict.capitalize()}.")
        why[0][:0] = [spoken, nodes.Text(" ")]
        return why


def setup(app: Sphinx) -> None:
    app.add_directive("claim", ClaimDirective)
    claims.connect(app)
