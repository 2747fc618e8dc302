"""Masked language modeling: which tokens the model must restore, and the loss.

Devlin et al. (2019), https://arxiv.org/abs/1810.04805, section 3.1, task 1. As in
transformers, each token is picked by itself; the released code of the paper picks a
fixed number of each text.

Symbols of the paper::

    masked positions     labels that are not IGNORED
    15 %                 rate
    [MASK]               mask_id

Axes::

    shape  any; batch and positions in training
    vocab  tokens that can be predicted
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

IGNORED = -100  # label of a position that has no loss, as in PyTorch


class Masked(NamedTuple):
    inputs: Int[Tensor, "*shape"]  # what the model reads
    labels: Int[Tensor, "*shape"]  # the token at picked positions, elsewhere IGNORED


def mask_tokens(
    tokens: Int[Tensor, "*shape"],
    *,
    mask_id: int,
    vocab: int,
    special: Bool[Tensor, "*shape"] | None = None,
    rate: float = 0.15,
    generator: torch.Generator | None = None,
) -> Masked:
    """Pick tokens; mask 80 % of them, replace 10 % at random, and keep 10 %.

    Parameters
    ----------
    vocab
        Random tokens are drawn from the ids 0 to ``vocab - 1``.
    special
        True at tokens that are never picked, such as [CLS] and padding.
    generator
        On the device of the tokens.
    rate
        Probability that a token is picked; above 0, at most 1.

    Examples
    --------
    The first token is special, so it is never picked:

    >>> tokens = torch.tensor([2, 7, 8, 9])
    >>> special = tokens == 2
    >>> mask_tokens(tokens, mask_id=3, vocab=10, special=special, rate=1.0).labels
    tensor([-100,    7,    8,    9])
    """
    if not 0 < rate <= 1:
        raise ValueError(f"a rate of {rate} is not above 0 and at most 1")
    tokens = tokens.long()  # the mask and random ids may need more bits
    source = dict(generator=generator, device=tokens.device)
    picked = torch.rand(tokens.shape, **source) < rate
    if special is not None:
        picked &= ~special
    lot = torch.rand(tokens.shape, **source)
    drawn = torch.randint(vocab, tokens.shape, **source)
    inputs = tokens.masked_fill(picked & (lot < 0.8), mask_id)
    inputs = torch.where(picked & (lot > 0.9), drawn, inputs)
    return Masked(inputs, tokens.masked_fill(~picked, IGNORED))


def masked_loss(
    logits: Float[Tensor, "*shape vocab"], labels: Int[Tensor, "*shape"]
) -> Float[Tensor, ""]:
    """Mean negative log-probability of the picked tokens, in nats.

    Raises
    ------
    ValueError
        If no token is picked: the mean would be NaN.

    Examples
    --------
    With equal scores for four tokens, the loss is ln 4:

    >>> masked_loss(torch.zeros(2, 4), torch.tensor([3, -100]))
    tensor(1.3863)
    """
    picked = labels != IGNORED  # as an index, it also refuses logits of another shape
    if not picked.any():
        raise ValueError(f"none of {labels.numel()} tokens is picked: there is no loss")
    # In half precision, the sum over many tokens would overflow.
    precise = torch.promote_types(logits.dtype, torch.float32)
    return cross_entropy(logits[picked].to(precise), labels[picked].long())
