"""Passages of Python's help, and what a linear probe should tell about them.

Axes::

    places   where a passage may begin
    words    of a passage
    classes  words that come next, or topics
    count    examples of each class
"""

import re
from collections import Counter
from pydoc_data.topics import topics
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from snippets.language.window_model import split_into_words

GROUP = 5  # words that the encoder reads together
OTHER, MASK = 0, 1  # ids of all rare words, and of a hidden word


def help_topics(vocab: int, words: int) -> tuple[list[Tensor], list[Tensor]]:
    """Ids of the words of each topic: its first four fifths, and the rest.

    A paragraph that an earlier topic has, too, is left out. So are topics whose rest
    would not fill two passages of ``words``. The longest topic comes first.

    Raises
    ------
    ValueError
        If no word but the rare and the masked one would have an id, or no topic is
        long enough.
    """
    seen, texts = set(), []
    for name in sorted(topics):
        paragraphs = [p.strip() for p in re.split(r"\n\s*\n", topics[name])]
        new = [p for p in dict.fromkeys(paragraphs) if p not in seen]
        seen.update(new)
        texts.append(split_into_words("\n".join(new)))
    texts = sorted((t for t in texts if len(t) >= 10 * words), key=len, reverse=True)
    if vocab < 3 or not texts:
        raise ValueError(f"nothing to learn with {vocab=} and passages of {words=}")
    counts = Counter(w for text in texts for w in text[: len(text) * 4 // 5])
    known = [word for word, _ in counts.most_common(vocab - 2)]
    ids = {word: number for number, word in enumerate(known, start=2)}
    coded = [torch.tensor([ids.get(word, OTHER) for word in text]) for text in texts]
    cuts = [len(text) * 4 // 5 for text in texts]
    learned = [text[:cut] for text, cut in zip(coded, cuts, strict=True)]
    return learned, [text[cut:] for text, cut in zip(coded, cuts, strict=True)]


def places(texts: list[Tensor], length: int) -> Int[Tensor, "places words"]:
    """Each run of ``length`` words that lies within one text."""
    return torch.cat([text.unfold(0, length, 1) for text in texts])


def drawn(texts: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Rows, each equally likely; ``shape`` comes before their own axes."""
    return texts[torch.randint(len(texts), shape, generator=generator)]


class ProbeExamples(NamedTuple):
    """Equally many examples of each class, so a guess is right once in ``classes``."""

    known: Int[Tensor, "classes count words"]
    new: Int[Tensor, "classes others words"]


def next_word_examples(
    learned: list[Tensor], rest: list[Tensor], classes: int, counts: tuple[int, int]
) -> ProbeExamples:
    """Five words before one of the most frequent words."""
    parts = [places(texts, GROUP + 1) for texts in (learned, rest)]
    frequent = torch.bincount(parts[0][:, -1]).argsort(descending=True)
    frequent = frequent[frequent > MASK][:classes]
    random = torch.Generator().manual_seed(0)
    sides = (
        torch.stack([drawn(p[p[:, -1] == w], (n,), random) for w in frequent])
        for p, n in zip(parts, counts, strict=True)
    )
    return ProbeExamples(*(side[..., :GROUP] for side in sides))


def topic_examples(
    learned: list[Tensor],
    rest: list[Tensor],
    classes: int,
    counts: tuple[int, int],
    words: int,
) -> ProbeExamples:
    """Passages of the longest topics."""
    random = torch.Generator().manual_seed(0)
    sides = (
        torch.stack([drawn(places([t], words), (n,), random) for t in part[:classes]])
        for part, n in zip((learned, rest), counts, strict=True)
    )
    return ProbeExamples(*sides)
