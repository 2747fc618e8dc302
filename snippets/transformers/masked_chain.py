"""A Markov chain of eight symbols, masked as in BERT, and the best loss on it.

Each symbol is drawn given the one before it. How uncertain a symbol is, given one
neighbor or both, has a closed form. In a masked text, neighbors can be hidden or
replaced; the best predictions are then those of a hidden Markov model.

Axes::

    symbols  of the chain, 0 to 7; the mask is token 8
    samples  texts
    seq      positions of a text
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from snippets.transformers.masked_language_modeling import IGNORED, Masked, mask_tokens

SYMBOLS, MASK, SEQ = 8, 8, 12


def transitions(seed: int = 0) -> Float[Tensor, "symbols symbols"]:
    """Probabilities of the next symbol, a row for each symbol: Dirichlet(0.3)."""
    rows = np.random.default_rng(seed).dirichlet([0.3] * SYMBOLS, SYMBOLS)
    return torch.tensor(rows)


def stationary(chain: Float[Tensor, "symbols symbols"]) -> Float[Tensor, " symbols"]:
    """Probabilities of a symbol far from the start.

    Examples
    --------
    >>> stationary(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([0.6667, 0.3333])
    """
    one = torch.ones_like(chain[0])
    # It satisfies p = p chain and sum(p) = 1; the sum of both has one solution.
    return torch.linalg.solve((one.diag() - chain + 1).mT, one)


class Entropies(NamedTuple):
    """Of a symbol, in nats: what the best model is left to guess."""

    alone: Float[Tensor, ""]  # no neighbor is known
    left: Float[Tensor, ""]  # the left one
    both: Float[Tensor, ""]  # both


def entropies(chain: Float[Tensor, "symbols symbols"]) -> Entropies:
    """Closed forms; with both neighbors, by the chain rule of entropy.

    Examples
    --------
    A coin that is tossed anew each time: neighbors do not help.

    >>> entropies(torch.full((2, 2), 0.5))  # ln 2
    Entropies(alone=tensor(0.6931), left=tensor(0.6931), both=tensor(0.6931))
    """
    start = stationary(chain)
    one, two = (start @ torch.special.entr(p).sum(1) for p in (chain, chain @ chain))
    return Entropies(torch.special.entr(start).sum(), one, 2 * one - two)


def texts(
    chain: Float[Tensor, "symbols symbols"], samples: int, seed: int
) -> Int[Tensor, "samples seq"]:
    """Texts of the chain, which start from its stationary distribution."""
    random = torch.Generator().manual_seed(seed)
    dice = torch.rand(SEQ, samples, 1, generator=random, dtype=chain.dtype)
    text = [(dice[0] > stationary(chain).cumsum(0)[:-1]).sum(1)]
    for rolled in dice[1:]:
        text.append((rolled > chain.cumsum(1)[text[-1], :-1]).sum(1))
    return torch.stack(text, dim=1)


def masked_texts(
    chain: Float[Tensor, "symbols symbols"],
    samples: int,
    seed: int,
    rate: float = 0.15,
) -> Masked:
    """Texts of the chain, masked as in BERT."""
    random = torch.Generator().manual_seed(seed + 2**20)
    options = dict(mask_id=MASK, vocab=SYMBOLS, rate=rate, generator=random)
    return mask_tokens(texts(chain, samples, seed), **options)


def best_predictions(
    chain: Float[Tensor, "symbols symbols"],
    inputs: Int[Tensor, "samples seq"],
    *,
    two_sided: bool,
    rate: float = 0.15,
) -> Float[Tensor, "samples seq symbols"]:
    """Probabilities of each symbol, if its position was picked: forward-backward.

    Parameters
    ----------
    two_sided
        Whether the predictions may depend on the inputs to the right.
    """
    symbols = len(chain)  # the mask is the next id
    # Rows: the symbol. Columns: what is read in its place, a symbol or the mask.
    read = torch.eye(symbols, symbols + 1, dtype=chain.dtype)
    lot = 0.1 * read
    lot[:, :symbols] += 0.1 / symbols
    lot[:, symbols] = 0.8
    picked = lot.T[inputs]  # likelihoods (samples, seq, symbols)
    likely = ((1 - rate) * read + rate * lot).T[inputs]
    before, after = torch.ones_like(picked), torch.ones_like(picked)
    before[:, 0] = stationary(chain)
    for t in range(1, inputs.shape[1]):
        message = before[:, t - 1] * likely[:, t - 1] @ chain
        before[:, t] = message / message.sum(-1, keepdim=True)
    for t in reversed(range(inputs.shape[1] - 1)):
        message = after[:, t + 1] * likely[:, t + 1] @ chain.T
        after[:, t] = message / message.sum(-1, keepdim=True)
    joint = before * picked * (after if two_sided else 1)
    return joint / joint.sum(-1, keepdim=True)


def best_loss(
    chain: Float[Tensor, "symbols symbols"],
    masked: Masked,
    *,
    two_sided: bool,
    rate: float = 0.15,
) -> Float[Tensor, ""]:
    """Mean loss of the best predictions at the picked positions."""
    best = best_predictions(chain, masked.inputs, two_sided=two_sided, rate=rate)
    picked = masked.labels != IGNORED
    return cross_entropy(best[picked].log(), masked.labels[picked])
