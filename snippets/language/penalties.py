"""Penalties: lower the logits of tokens that the text already has.

Repetition penalty: Keskar et al. (2019), https://arxiv.org/abs/1909.05858, with the
rule of transformers for negative logits. Frequency and presence penalty: those of the
API of OpenAI.

Glossary::

    x of Keskar, mu of OpenAI    logits
    theta, g of Keskar           penalty, tokens
    c of OpenAI                  counts
    alpha_frequency              frequency
    alpha_presence               presence

Axes: ``batch``, ``seq``, ``vocab``.
"""

from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.language.sampling import check


def count_tokens(
    tokens: Int[Tensor, "batch seq"], vocab: int
) -> Float[Tensor, "batch vocab"]:
    """How often each token of the vocabulary occurs in each row."""
    if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < vocab:
        low, high = int(tokens.min()), int(tokens.max())
        raise ValueError(f"tokens from {low} to {high} in a vocabulary of {vocab}")
    counts = torch.zeros(len(tokens), vocab, device=tokens.device)
    return counts.scatter_add_(
        1, tokens.long(), torch.ones(tokens.shape, device=tokens.device)
    )


def penalize_repetition(
    logits: Float[Tensor, "batch vocab"],
    tokens: Int[Tensor, "batch seq"],
    penalty: float,
) -> Float[Tensor, "batch vocab"]:
    """Divide positive logits of earlier tokens by the penalty, multiply negative ones.

    Examples
    --------
    >>> logits = torch.tensor([[3.0, -1.0, 2.0]])
    >>> penalize_repetition(logits, torch.tensor([[0, 1, 1]]), penalty=2.0)
    tensor([[ 1.5000, -2.0000,  2.0000]])
    """
    check(logits)
    if not 0 < penalty < inf:
        raise ValueError(f"penalty={penalty} is not positive; 1 changes nothing")
    seen = count_tokens(tokens, logits.shape[-1]) > 0
    lower = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, lower, logits)


def penalize_counts(
    logits: Float[Tensor, "batch vocab"],
    tokens: Int[Tensor, "batch seq"],
    frequency: float = 0.0,
    presence: float = 0.0,
) -> Float[Tensor, "batch vocab"]:
    """Subtract a penalty for each occurrence, and one for having occurred at all.

    Examples
    --------
    >>> logits, tokens = torch.tensor([[3.0, -1.0, 2.0]]), torch.tensor([[0, 1, 1]])
    >>> penalize_counts(logits, tokens, frequency=0.5, presence=0.25)
    tensor([[ 2.2500, -2.2500,  2.0000]])
    """
    check(logits)
    if not -inf < frequency + presence < inf:
        raise ValueError(f"frequency={frequency}, presence={presence}: not finite")
    counts = count_tokens(tokens, logits.shape[-1])
    return (logits - frequency * counts - presence * (counts > 0)).to(logits.dtype)
