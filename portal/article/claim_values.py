"""The values of a claim, one on a line, each with its label and its band. ::

    accuracy kept, 4 of 8 heads: grouped_query_attention.mean_4 | .0% in 0.95 1
    memory saved, 2048 tokens: flash_attention.saved | .0f times in 34 50
    largest error, in the worst of all shapes that are
       compared: flash_attention.error | .0e in 0 1e-5

A line has the label, a colon, the name of a measured value with its format as in the
role ``:measured:``, a unit, and the interval in which the value must lie. Format and
unit may be missing. A label may hold markup and colons; a line that is indented goes on
with the one before.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from textwrap import shorten
from typing import NamedTuple

from docutils.statemachine import StringList
from sphinx.environment import BuildEnvironment

from portal.article import measured
from portal.article.rich_text import Piece

VALUE = re.compile(
    r"(?P<label>.*\S): +(?P<name>\w+\.[\w.]*\w)"
    r"(?: *\| *(?P<spec>\S+)(?: +(?P<unit>\S.*?))?)?"
    r" +in +(?P<low>\S+) +(?P<high>\S+)"
)
FORM = "label: page.value | format unit in low high"


class Line(NamedTuple):
    """A value as it is written: its text, and the line on which it begins."""

    text: str
    number: int


class Value(NamedTuple):
    """A measured value, as a claim shows it."""

    label: tuple[Piece, ...]
    name: str
    text: str
    value: float
    low: float
    high: float
    band: str


def lines(block: StringList, first: int) -> Iterator[Line]:
    """The values in a block whose first line has the number ``first``."""
    starts = [n for n, text in enumerate(block) if n == 0 or not text[:1].isspace()]
    for start, end in pairwise([*starts, len(block)]):
        text = " ".join(part.strip() for part in block[start:end])
        yield Line(text, first + start)


def is_value(line: Line) -> bool:
    return VALUE.fullmatch(line.text) is not None


def label(line: Line) -> str:
    """The label of a value, as it is written.

    >>> label(Line("at scale 1: 2: page.error | .1f in 0 1", 7))
    'at scale 1: 2'

    Raises
    ------
    ValueError
        If the line is no value.
    """
    found = VALUE.fullmatch(line.text)
    if found is None:
        raise ValueError(f"{shorten(line.text, 60)!r} is no value; write {FORM}")
    return found["label"]


def bound(number: float, spec: str) -> str:
    """The end of a band, in percent where the value is.

    >>> bound(0.075, ".1%"), bound(1e-05, ".0e"), bound(120000.0, ",d")
    ('7.5%', '1e-05', '120000')
    """
    return f"{100 * number:.6g}%" if spec.endswith("%") else f"{number:.6g}"


def spelled(low: float, high: float, spec: str) -> str:
    """A band as one reads it.

    >>> spelled(0, 0.5, ".0%"), spelled(-float("inf"), 2, ""), spelled(3, 3, "")
    ('0% to 50%', 'at most 2', 'exactly 3')
    """
    if low == high:
        return f"exactly {bound(low, spec)}"
    if low == -float("inf"):
        return f"at most {bound(high, spec)}"
    if high == float("inf"):
        return f"at least {bound(low, spec)}"
    return f"{bound(low, spec)} to {bound(high, spec)}"


def band(low: str, high: str, exact: bool) -> tuple[float, float]:
    """The interval between two numbers; of no width only if it may be ``exact``.

    >>> band("-inf", "2.5", exact=False)
    (-inf, 2.5)

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = (float("nan"),) * 2
    if not ends[0] <= ends[1]:
        raise ValueError(f"the band is {low} to {high}; write two numbers, low high")
    if ends[0] == ends[1] and not exact:
        raise ValueError(
            f"the band {low} to {high} has no width, as only one recomputed may"
        )
    return ends


def measure(
    env: BuildEnvironment, line: Line, label: tuple[Piece, ...], exact: bool
) -> Value:
    """The value that a line names, inside its band.

    Raises
    ------
    LookupError, ValueError
        If the value is unknown or not finite, its band wrong, or the value outside.
    """
    name, spec, unit, low, high = VALUE.fullmatch(line.text).groups("")[1:]
    ends = band(low, high, exact)
    number = measured.value(env, name)
    if not ends[0] <= number <= ends[1]:
        raise ValueError(
            f"{name} is {number:g}, outside its band {ends[0]:g} to {ends[1]:g}: "
            "correct the script, or the band and the verdict"
        )
    text = " ".join(filter(None, [measured.formatted(number, spec), unit]))
    return Value(label, name, text, number, *ends, spelled(*ends, spec))
