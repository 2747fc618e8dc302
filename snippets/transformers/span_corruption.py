"""Span corruption: drop spans of a text, and ask for them.

Raffel et al. (2020), https://arxiv.org/abs/1910.10683, sections 3.1.4 and 3.3.4.

Symbols::

    T   tokens, the length of the text
    s   number of spans
    <X> <Y> <Z>  sentinels, one for each span and one for the end of the target
"""

import random
from collections.abc import Hashable, Sequence
from typing import NamedTuple


class Corrupted(NamedTuple):
    """What the encoder reads, and what the decoder must write."""

    input: list[Hashable]
    target: list[Hashable]


def corrupt(
    tokens: Sequence[Hashable],
    spans: Sequence[tuple[int, int]],
    sentinels: Sequence[Hashable],
) -> Corrupted:
    """Replace each span, from start to before stop, by a sentinel of its own.

    Raises
    ------
    ValueError
        If a span is empty, touches the one before or leaves the text; if there are
        too few sentinels, equal sentinels, or one that occurs in the text.

    Examples
    --------
    >>> corrupt("abcdef", [(1, 3), (4, 5)], "XYZ").input
    ['a', 'X', 'd', 'Y', 'f']
    >>> corrupt("abcdef", [(1, 3), (4, 5)], "XYZ").target
    ['X', 'b', 'c', 'Y', 'e', 'Z']
    """
    if len(sentinels) <= len(spans):
        raise ValueError(f"{len(spans)} spans need {len(spans) + 1} sentinels")
    used = sentinels[: len(spans) + 1]
    if len(set(used)) < len(used) or set(used) & set(tokens):
        raise ValueError(f"{list(used)} must differ from each other and the tokens")
    kept, target, last = [], [], -1
    for sentinel, (start, stop) in zip(used, spans, strict=False):
        if not last < start < stop <= len(tokens):
            raise ValueError(
                f"span {(start, stop)} is empty, touches one before it or leaves "
                f"the {len(tokens)} tokens"
            )
        kept += [*tokens[max(last, 0) : start], sentinel]
        target += [sentinel, *tokens[start:stop]]
        last = stop
    return Corrupted([*kept, *tokens[max(last, 0) :]], [*target, used[-1]])


def restore(corrupted: Corrupted, sentinels: Sequence[Hashable]) -> list[Hashable]:
    """Put the spans of the target back into the input.

    Raises
    ------
    ValueError
        If the target does not begin with a sentinel, or lacks one of the input.
    """
    spans: dict[Hashable, list[Hashable]] = {}
    names, tokens = set(sentinels), []
    if corrupted.target and corrupted.target[0] not in names:
        raise ValueError(f"the target begins with {corrupted.target[0]!r}")
    for token in corrupted.target:
        if token in names:
            current = spans.setdefault(token, [])
        else:
            current.append(token)
    for token in corrupted.input:
        if token in names and token not in spans:
            raise ValueError(f"the target has no span for {token!r}")
        tokens += spans[token] if token in names else [token]
    return tokens


def random_spans(
    length: int, *, density: float, mean_length: float, seed: int
) -> list[tuple[int, int]]:
    """Spans of T5: their number and their total length follow from the arguments.

    They have ``round(length * density)`` tokens together, at least 1 and at most
    ``length - 1``. A text begins with a token that is kept, and ends with a span.

    Raises
    ------
    ValueError
        If there are fewer than two tokens, ``density`` is not between 0 and 1, or
        ``mean_length`` is less than 1.
    """
    if length < 2 or not 0 < density < 1 or mean_length < 1:
        raise ValueError(f"cannot choose spans: {length=}, {density=}, {mean_length=}")
    dropped = min(max(round(length * density), 1), length - 1)
    number = max(round(dropped / mean_length), 1)
    number = min(number, length - dropped)
    drawn = random.Random(seed)
    spans, position = [], 0
    for kept, lost in zip(
        _parts(length - dropped, number, drawn),
        _parts(dropped, number, drawn),
        strict=True,
    ):
        spans.append((position + kept, position + kept + lost))
        position += kept + lost
    return spans


def _parts(total: int, number: int, drawn: random.Random) -> list[int]:
    """Positive whole numbers with this sum; all such lists are equally likely."""
    cuts = [0, *sorted(drawn.sample(range(1, total), number - 1)), total]
    return [cuts[i + 1] - cuts[i] for i in range(number)]
