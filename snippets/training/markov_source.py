"""A source of texts whose entropy rate is known, so that a loss has a floor.

Each token is drawn given the two tokens before it, from a row of a random table.

Axes::

    vocab    tokens that there are
    batch    independent texts
    seq      tokens of a text
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

VOCAB = 6


def next_tokens(seed: int = 0) -> Float[Tensor, "vocab vocab vocab"]:
    """Probabilities of the next token for each pair before it: Dirichlet(0.15)."""
    rows = np.random.default_rng(seed).dirichlet([0.15] * VOCAB, (VOCAB, VOCAB))
    return torch.tensor(rows)


def pair_frequencies(
    table: Float[Tensor, "vocab vocab vocab"],
) -> Float[Tensor, "vocab vocab"]:
    """Frequencies of pairs of neighbors, far from the start.

    They satisfy pairs[b, c] = sum over a of pairs[a, b] table[a, b, c], and sum to one.

    Examples
    --------
    A token that never repeats: of two tokens, both pairs are equally frequent.

    >>> never = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).expand(2, 2, 2)
    >>> pair_frequencies(never)
    tensor([[0.0000, 0.5000],
            [0.5000, 0.0000]])
    """
    vocab = len(table)
    step = torch.zeros(vocab, vocab, vocab, vocab, dtype=table.dtype)
    every = torch.arange(vocab)
    step[:, every, every] = table
    chain = step.reshape(vocab**2, vocab**2)
    one = torch.ones_like(chain[0])
    # The sum of both conditions has one solution where the chain has one class.
    pairs = torch.linalg.solve((one.diag() - chain + 1).mT, one)
    return pairs.reshape(vocab, vocab).clamp(min=0)


class Entropies(NamedTuple):
    """Smallest mean loss, in nats, by how many tokens before are seen."""

    none: Tensor
    one: Tensor
    two: Tensor  # also with all tokens before: the entropy rate


def entropies(table: Float[Tensor, "vocab vocab vocab"]) -> Entropies:
    """Entropy of the next token, given none, one, or two tokens before it.

    Examples
    --------
    >>> never = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).expand(2, 2, 2)
    >>> entropies(never)
    Entropies(none=tensor(0.6931), one=tensor(0.), two=tensor(0.))
    """
    pairs = pair_frequencies(table)
    singles = pairs.sum(dim=0)
    triples = pairs[..., None] * table

    def entropy(p: Tensor) -> Tensor:
        return torch.special.entr(p).sum()

    return Entropies(
        entropy(singles),
        entropy(pairs) - entropy(singles),
        entropy(triples) - entropy(pairs),
    )


def floor(table: Float[Tensor, "vocab vocab vocab"], seq: int) -> Float[Tensor, ""]:
    """Smallest expected loss on texts of ``seq`` tokens, whose first is not predicted.

    The second token is predicted from one token, the others from two.

    Raises
    ------
    ValueError
        If ``seq`` is below 2.
    """
    if seq < 2:
        raise ValueError(f"nothing to predict in texts of {seq} tokens")
    known = entropies(table)
    return (known.one + (seq - 2) * known.two) / (seq - 1)


def draw_source(
    table: Float[Tensor, "vocab vocab vocab"],
    batch: int,
    seq: int,
    generator: torch.Generator,
) -> Int[Tensor, "batch seq"]:
    """Texts that begin with a pair of the long run."""
    if batch < 1 or seq < 2:
        raise ValueError(f"no texts of {batch=}, {seq=}")
    pairs, vocab = pair_frequencies(table).flatten(), len(table)
    first = pairs.multinomial(batch, replacement=True, generator=generator)
    texts = [first // vocab, first % vocab]
    limits = table.cumsum(dim=-1)
    dice = torch.rand(seq, batch, 1, generator=generator, dtype=table.dtype)
    for t in range(2, seq):
        above = dice[t] > limits[texts[t - 2], texts[t - 1], :-1]
        texts.append(above.sum(dim=1))
    return torch.stack(texts, dim=1)


def source_loss(
    table: Float[Tensor, "vocab vocab vocab"], ids: Int[Tensor, "batch seq"]
) -> Float[Tensor, ""]:
    """Mean loss of the true probabilities; its expectation is :func:`floor`."""
    pairs = pair_frequencies(table)
    one = (pairs / pairs.sum(dim=1, keepdim=True))[ids[:, 0], ids[:, 1]]
    two = table[ids[:, :-2], ids[:, 1:-1]].gather(-1, ids[:, 2:, None])[..., 0]
    return -torch.cat([one[:, None], two], dim=1).log().mean()
