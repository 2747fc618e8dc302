"""Fact language: a random table names a next symbol for each pair of symbols.

With probability 0.8 a symbol is the one that the table names for the two before it;
otherwise it is drawn from all symbols.

Axes::

    number    of texts
    tokens    of a text: ``TOKENS``
    seq       tokens that are read: all but the last
    symbols   32
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

SYMBOLS, TOKENS, SHARE = 32, 9, 0.8


def draw_facts(seed: int) -> Int[Tensor, "symbols symbols"]:
    """The symbol that follows each pair, most of the time."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(SYMBOLS, (SYMBOLS, SYMBOLS), generator=generator)


def texts(
    facts: Int[Tensor, "symbols symbols"], number: int, generator: torch.Generator
) -> Int[Tensor, "number tokens"]:
    """Draw texts; each begins with two symbols that are drawn from all."""
    text = torch.randint(SYMBOLS, (number, TOKENS), generator=generator)
    follows = torch.rand(text.shape, generator=generator) < SHARE
    for t in range(2, TOKENS):
        named = facts[text[:, t - 2], text[:, t - 1]]
        text[:, t] = torch.where(follows[:, t], named, text[:, t])
    return text


def fact_accuracy(
    logits: Float[Tensor, "number seq symbols"],
    text: Int[Tensor, "number tokens"],
    facts: Int[Tensor, "symbols symbols"],
) -> Float[Tensor, ""]:
    """At what share of positions the first guess is the symbol that the table names.

    Pairs that occur more often count more. The first position is left out: it has no
    symbol before it.

    Examples
    --------
    >>> facts = draw_facts(seed=0)
    >>> text = texts(facts, 4, torch.Generator().manual_seed(0))
    >>> fact_accuracy(torch.zeros(4, TOKENS - 1, SYMBOLS), text, facts) < 0.2
    tensor(True)
    """
    named = facts[text[:, :-2], text[:, 1:-1]]
    return (logits[:, 1:].argmax(dim=-1) == named).float().mean()
