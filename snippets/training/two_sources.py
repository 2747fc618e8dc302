"""Two sources of texts that use every token equally often and differ in the pairs.

Which source wrote a text? The answer of Bayes is known, so an accuracy has a ceiling.
A source draws each token given the one before it. Rows of its table sum to 1, and so do
columns: far from the start, all tokens are equally frequent.

Axes::

    sources  two
    vocab    tokens that there are
    batch    texts
    seq      tokens of a text, with padding on the right
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

VOCAB, SHORTEST, LONGEST = 8, 8, 16


class Labeled(NamedTuple):
    """Texts, where they have tokens, and which source wrote them."""

    ids: Int[Tensor, "batch seq"]
    mask: Bool[Tensor, "batch seq"]
    labels: Int[Tensor, " batch"]


def tables(seed: int = 0) -> Float[Tensor, "sources vocab vocab"]:
    """Probabilities of the next token: a mean of three permutations, and a floor.

    Examples
    --------
    >>> both = tables()
    >>> torch.allclose(both.sum(dim=1), torch.ones(2, VOCAB, dtype=both.dtype))
    True
    """
    random = np.random.default_rng(seed)
    rows = [
        sum(w * np.eye(VOCAB)[random.permutation(VOCAB)] for w in (0.6, 0.3, 0.1))
        for _ in range(2)
    ]
    return torch.tensor(0.9 * np.stack(rows) + 0.1 / VOCAB)


def draw_ids(
    table: Float[Tensor, "sources vocab vocab"],
    labels: Int[Tensor, " batch"],
    generator: torch.Generator,
) -> Int[Tensor, "batch seq"]:
    """A text of the longest length from the source that each label names."""
    limits = table.cumsum(dim=-1)[:, :, :-1]
    dice = torch.rand(LONGEST, len(labels), 1, generator=generator, dtype=table.dtype)
    texts = [torch.randint(table.shape[-1], labels.shape, generator=generator)]
    for t in range(1, LONGEST):
        texts.append((dice[t] > limits[labels, texts[-1]]).sum(dim=1))
    return torch.stack(texts, dim=1)


def draw_labeled(
    table: Float[Tensor, "sources vocab vocab"],
    batch: int,
    generator: torch.Generator,
) -> Labeled:
    """Texts of random length, half from each source, in random order.

    Padding is token 0: only the mask tells it from the token.

    Raises
    ------
    ValueError
        If ``batch`` is odd or below 2.
    """
    if batch < 2 or batch % 2:
        raise ValueError(f"no {batch=} with half from each source")
    labels = torch.randperm(batch, generator=generator) % 2
    ends = torch.randint(SHORTEST, LONGEST + 1, (batch, 1), generator=generator)
    mask = torch.arange(LONGEST) < ends
    return Labeled(draw_ids(table, labels, generator) * mask, mask, labels)


def count_pairs(texts: Labeled) -> Float[Tensor, "sources vocab vocab"]:
    """Tables estimated from labeled texts: each pair counts once more than it is seen.

    With :func:`bayes_logits`, a naive Bayes classifier of pairs.

    Examples
    --------
    >>> ids, mask = torch.tensor([[0, 1, 1]]), torch.ones(1, 3).bool()
    >>> count_pairs(Labeled(ids, mask, torch.tensor([1])))[1, 0, 1]  # seen once: 2 / 9
    tensor(0.2222, dtype=torch.float64)
    """
    old, new = texts.ids[:, :-1], texts.ids[:, 1:]
    place = (texts.labels[:, None] * VOCAB + old) * VOCAB + new
    seen = place[texts.mask[:, 1:]].bincount(minlength=2 * VOCAB**2)
    counts = seen.view(2, VOCAB, VOCAB).double() + 1
    return counts / counts.sum(dim=-1, keepdim=True)


def bayes_logits(
    table: Float[Tensor, "sources vocab vocab"], texts: Labeled
) -> Float[Tensor, "batch sources"]:
    """Log-likelihood of each text under each source: the best that one can do.

    Examples
    --------
    The first source repeats its token with 3/4, the second with 1/4.

    >>> table = torch.tensor([[[0.75, 0.25], [0.25, 0.75]],
    ...                       [[0.25, 0.75], [0.75, 0.25]]])
    >>> text = Labeled(torch.tensor([[0, 0, 1]]), torch.ones(1, 3).bool(), None)
    >>> bayes_logits(table, text).exp() / 0.5  # of the first token: 1/2
    tensor([[0.1875, 0.1875]])
    """
    steps = table[:, texts.ids[:, :-1], texts.ids[:, 1:]].log()
    return (steps * texts.mask[:, 1:]).sum(dim=-1).T - np.log(table.shape[-1])
