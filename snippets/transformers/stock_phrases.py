"""Stock phrases: texts of 32 words, in which some words come in threes.

A text is cut from a stream. The stream has phrases, each with the same probability, and
single words, drawn from all words. So every word of a phrase also occurs alone, and two
words of a phrase can meet by chance.

Axes::

    number   of texts
    tokens   words of a text
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.functional import pad

PHRASES = [
    phrase.split()
    for phrase in (
        "alexander the great",
        "the milky way",
        "by the way",
        "princess of wales",
        "once upon a",
        "nick of time",
        "out of love",
        "war and peace",
    )
]
OTHERS = ("am", "analyzes", "could", "diana", "fan", "horse", "i")
OTHERS += ("impact", "in", "media", "study", "tame", "this")
WORDS = sorted({word for phrase in PHRASES for word in phrase} | set(OTHERS))


class Phrases(NamedTuple):
    """Texts, and where the two words so far are the first two of a phrase."""

    texts: Int[Tensor, "number tokens"]
    named: Bool[Tensor, "number tokens"]


def word_ids(text: str) -> Int[Tensor, "one tokens"]:
    """Numbers of the words of one text.

    Examples
    --------
    >>> word_ids("out of love").tolist()
    [[20, 18, 14]]
    """
    if unknown := sorted(set(text.split()) - set(WORDS)):
        raise ValueError(f"not among the words: {unknown}")
    return torch.tensor([[WORDS.index(word) for word in text.split()]])


def phrase_ids() -> Int[Tensor, "phrases words"]:
    """Numbers of the words of all phrases."""
    return torch.cat([word_ids(" ".join(phrase)) for phrase in PHRASES])


def ends_in(
    texts: Int[Tensor, "number tokens"], parts: Int[Tensor, "parts words"]
) -> Bool[Tensor, "number tokens"]:
    """Where the last words are those of one of the parts, also by chance."""
    padded = pad(texts, (parts.shape[1] - 1, 0), value=-1)
    last = padded.unfold(1, parts.shape[1], 1)
    return (last[:, :, None] == parts).all(dim=-1).any(dim=-1)


def named_next(texts: Int[Tensor, "number tokens"]) -> Bool[Tensor, "number tokens"]:
    """Where a word and the one before it begin a phrase, also by chance.

    Examples
    --------
    >>> named_next(word_ids("fan of the milky way")).int()
    tensor([[0, 0, 0, 1, 0]], dtype=torch.int32)
    """
    return ends_in(texts, phrase_ids()[:, :2])


def phrase_texts(
    number: int, tokens: int, generator: torch.Generator, share: float = 0.3
) -> Phrases:
    """Draw texts; each slot of the stream is a phrase with probability ``share``."""
    if not 0 <= share <= 1:
        raise ValueError(f"share={share} is not in [0, 1]")
    slots = number * tokens
    drawn = phrase_ids()[torch.randint(len(PHRASES), (slots,), generator=generator)]
    single = torch.randint(len(WORDS), (slots,), generator=generator)
    phrase = torch.rand(slots, generator=generator) < share
    words = torch.where(phrase[:, None], drawn, single[:, None])
    kept = phrase[:, None] | torch.tensor([True, False, False])
    texts = words[kept][: number * tokens].view(number, tokens)
    return Phrases(texts, named_next(texts))
