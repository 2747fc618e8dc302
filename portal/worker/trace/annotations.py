"""What source says about shapes, and whether an array has the shape it says.

Two notations are read: jaxtyping's, ``Float[Tensor, "batch heads 3 ..."]``, and shapes
in comments, ``# (batch, heads, 3)``. A comment belongs to the statement at the end of
which, or in whose first line, it stands; alone on its line, to the statement below. Two
shapes in one comment, ``# (batch, seq), (batch,)``, are those of two arrays.

An axis is a number, a name, ``_`` or ``...`` for one or several of any size, ``*names``
for several. Expressions such as ``2*d`` are not checked.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass

from portal.worker.trace.arrays import Array, Group, Value

# Sizes by name, each with the line of the source that it was first seen in.
Sizes = MutableMapping[str, tuple[int | tuple[int, ...], int]]

AXIS = r"(?:\.\.\.|[\w*.+/-]+(?: ?[*+/-] ?\w+)*)"
SHAPE = rf"\((?:{AXIS}, ?)*(?:{AXIS},|(?<=[, ]){AXIS})?\)"
COMMENT = re.compile(rf"#\s*({SHAPE}(?:, {SHAPE})*)")


@dataclass(frozen=True)
class Comment:
    """The shapes in a comment, and whether it has its line to itself."""

    line: int
    shapes: tuple[tuple[str, ...], ...]
    alone: bool


def shapes(text: str) -> tuple[tuple[str, ...], ...]:
    """The shapes that a comment begins with; a remark in brackets is not one.

    >>> shapes("# (batch, 2 * heads), (seq,)"), shapes("# (see above)"), shapes("# ()")
    ((('batch', '2 * heads'), ('seq',)), (), ((),))
    """
    found = COMMENT.match(text)
    return tuple(
        tuple(axis.strip() for axis in shape[1:-1].split(",") if axis.strip())
        for shape in (re.findall(SHAPE, found[1]) if found else ())
    )


def comments(text: str) -> dict[int, Comment]:
    """The comments of a module that give shapes, by line."""
    made = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and (found := shapes(token.string)):
            line = token.start[0]
            alone = not token.line[: token.start[1]].strip()
            made[line] = Comment(line, found, alone)
    return made


def of_statement(comments: dict[int, Comment], first: int, last: int) -> list[Comment]:
    """The comments about a statement that spans these lines."""
    found = [comments[n] for n in sorted({first, last}) if n in comments]
    above = comments.get(first - 1)
    return [above] * (above is not None and above.alone) + found


def axes(annotation: ast.expr) -> list[str] | None:
    """The axes that a jaxtyping annotation names; None if it is of another kind.

    >>> axes(ast.parse("Float[Tensor, 'batch rows=3']", mode="eval").body)
    ['batch', '3']
    """
    match annotation:
        case ast.Subscript(slice=ast.Tuple(elts=[_, ast.Constant(value=str(text))])):
            return [axis.rpartition("=")[2] for axis in text.split()]
    return None


def names(annotations: list[ast.expr]) -> set[str]:
    """All axis names in the annotations of a signature."""
    found = set()
    for annotation in annotations:
        for part in ast.walk(annotation):
            found |= {axis for axis in axes(part) or () if axis.isidentifier()}
    return found - {"_"}


def mismatch(expected: list[str], array: Array, sizes: Sizes, line: int) -> str:
    """How an array contradicts the axes expected of it; empty if it does not.

    Names seen for the first time are entered into ``sizes``, with the line.

    >>> sizes = {"batch": (2, 14)}
    >>> mismatch(["batch", "seq"], Array((3, 5), "int64", 120), sizes, 15)
    'is (3, 5), but batch is 2 by line 14'
    """
    several = [i for i, axis in enumerate(expected) if axis[0] in "*."]
    missing = len(expected) - len(array.shape)
    if missing > len(several[:1]) or (missing < 0 and not several):
        return f"is {array.shape}, with {len(array.shape)} axes, not {len(expected)}"
    parts: list = list(array.shape)
    if several:
        start, stop = several[0], several[0] + 1 - missing
        parts[start:stop] = [tuple(parts[start:stop])]
    for axis, size in zip(expected, parts, strict=True):
        if reason := _other_size(axis.lstrip("*"), size, sizes, line):
            return f"is {array.shape}, but {reason}"
    return ""


def _other_size(axis: str, size: int | tuple[int, ...], sizes: Sizes, line: int) -> str:
    if axis.isdecimal():
        return "" if int(axis) == size else f"{axis} is expected in place of {size}"
    if axis.startswith("#"):  # jaxtyping: may be 1, for broadcasting
        axis = "_" if size == 1 else axis[1:]
    if axis == "_" or not axis.isidentifier():
        return ""
    if axis not in sizes:
        sizes[axis] = (size, line)
    known, origin = sizes[axis]
    return "" if known == size else f"{axis} is {known} by line {origin}"


def contradictions(
    annotation: ast.expr, value: Value, sizes: Sizes, line: int
) -> Iterator[str]:
    """How a value contradicts its annotation: unions, tuples and lists are followed."""
    expected = axes(annotation)
    if expected is not None:
        if isinstance(value, Array):
            yield from filter(None, [mismatch(expected, value, sizes, line)])
        return
    match annotation, value:
        case ast.BinOp(op=ast.BitOr(), left=left, right=right), _:
            sides = [side for side in (left, right) if names([side])]
            if len(sides) == 1:  # of two that name axes, either may hold
                yield from contradictions(sides[0], value, sizes, line)
        case ast.Subscript(slice=inner), Group(items=items):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            if len(parts) == 1 or ast.unparse(parts[-1]) == "...":
                parts = [parts[0]] * len(items)
            for part, item in zip(parts, items, strict=False):
                yield from contradictions(part, item, sizes, line)
