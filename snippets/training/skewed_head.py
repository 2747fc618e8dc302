"""The last layer of a language model whose tokens are not equally likely.

Axes::

    tokens   positions
    d_model  features of a hidden state
    vocab    tokens of the vocabulary
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Head(NamedTuple):
    """Inputs of the loss; targets are drawn from the probabilities of the layer."""

    hidden: Float[Tensor, "tokens d_model"]
    classifier: Float[Tensor, "vocab d_model"]
    targets: Int[Tensor, " tokens"]


def skewed_head(tokens: int, d_model: int, vocab: int, skew: float, seed: int) -> Head:
    """Random states and weights; the r-th token is likely as ``r ** -skew``.

    Ranks are shuffled. The first feature of each state is 1, so that its weights are a
    bias; the others add noise with a variance of ``0.0225 (d_model - 1)`` to a logit.

    Raises
    ------
    ValueError
        If a size is below 1, or ``skew`` is negative.
    """
    if min(tokens, d_model, vocab) < 1 or skew < 0:
        raise ValueError(f"{tokens=}, {d_model=}, {vocab=}, {skew=}")
    random = torch.Generator().manual_seed(seed)
    hidden = torch.randn(tokens, d_model, generator=random)
    classifier = 0.15 * torch.randn(vocab, d_model, generator=random)
    rank = 1 + torch.randperm(vocab, generator=random)
    hidden[:, 0], classifier[:, 0] = 1, -skew * rank.log()
    probabilities = (hidden @ classifier.T).softmax(dim=-1)
    targets = probabilities.multinomial(1, generator=random)[:, 0]
    return Head(hidden, classifier, targets)
