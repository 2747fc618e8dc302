"""Sentences of the English text of Python's ``help()``, as words in lower case."""

import random
from collections.abc import Sequence

import regex

from snippets.language.help_text import help_text

Sentence = tuple[str, ...]
WORDS = regex.compile(r"[^\W\d]\w*|\d+|[.,;:?!()]")


def split_sentences(text: str) -> list[Sentence]:
    """Complete sentences of prose; paragraphs with grammar rules or sessions are out.

    Examples
    --------
    >>> split_sentences('Use "pass". A heading\\n\\nIt does nothing (at all).')
    [('it', 'does', 'nothing', '(', 'at', 'all', ')', '.')]
    """
    sentences = []
    for paragraph in regex.split(r"\n\s*\n", text):
        if "::=" in paragraph or ">>>" in paragraph:
            continue
        for part in regex.split(r"(?<=[.?!])\s+(?=[A-Z])", " ".join(paragraph.split())):
            words = tuple(WORDS.findall(part.lower()))
            if len(words) > 3 and words[-1] in ".?!":
                sentences.append(words)
    return sentences


def help_sentences() -> list[Sentence]:
    """Each distinct sentence once: the topics repeat almost half of them."""
    return list(dict.fromkeys(split_sentences(help_text())))


def hold_out(
    sentences: Sequence[Sentence], seed: int, share: float = 0.1
) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences to train on, in random order, and a share to test on."""
    shuffled = random.Random(seed).sample(sentences, len(sentences))
    cut = round(share * len(shuffled))
    if not 0 < cut < len(shuffled):
        raise ValueError(
            f"share={share} of {len(shuffled)} sentences leaves a side empty"
        )
    return shuffled[cut:], shuffled[:cut]
