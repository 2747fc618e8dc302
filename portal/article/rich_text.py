"""Text with its formulas and its emphasis, kept as plain data and shown elsewhere.

What a directive parsed belongs to the document in which it stands. The pieces of the
text can be kept in the environment, compared, set on another page, and read as a line
of plain text.
"""

from collections.abc import Iterable
from typing import NamedTuple

from docutils import nodes

from portal.article.title_math import readable

KINDS = (nodes.math, nodes.literal, nodes.emphasis, nodes.strong)


class Piece(NamedTuple):
    """Some text, and the kind of node that it stands in; empty for none."""

    kind: str
    text: str


def pieces(parsed: Iterable[nodes.Node]) -> tuple[Piece, ...]:
    """The pieces of nodes; links are kept as their text.

    >>> pieces([nodes.Text("Of "), nodes.math("", "x")])
    (Piece(kind='', text='Of '), Piece(kind='math', text='x'))
    """
    return tuple(
        Piece(type(part.parent).__name__, part.astext())
        if isinstance(part.parent, KINDS)
        else Piece("", part.astext())
        for node in parsed
        for part in node.findall(nodes.Text)
    )


def of_blocks(parsed: Iterable[nodes.Node]) -> tuple[Piece, ...]:
    """The pieces of paragraphs, lists and other blocks, with a space after each.

    >>> of_blocks([nodes.paragraph("", "One."), nodes.paragraph("", "Two.")])[1:]
    (Piece(kind='', text=' '), Piece(kind='', text='Two.'), Piece(kind='', text=' '))
    """
    return tuple(
        piece
        for node in parsed
        for block in node.findall(nodes.TextElement)
        if not isinstance(block, nodes.Inline)
        for piece in (*pieces([block]), Piece("", " "))
    )


def shown(text: Iterable[Piece]) -> list[nodes.Node]:
    """The pieces as nodes."""
    return [
        getattr(nodes, kind)(part, part) if kind else nodes.Text(part)
        for kind, part in text
    ]


def plain(text: Iterable[Piece], macros: str = "{}") -> str:
    r"""The pieces as a line of text; ``macros`` are those of ``portal.article.math``.

    >>> plain([Piece("", "Of "), Piece("math", r"x^2"), Piece("emphasis", " all")])
    'Of x² all'
    """
    parts = (readable(part, macros) if kind == "math" else part for kind, part in text)
    return " ".join("".join(parts).split())
