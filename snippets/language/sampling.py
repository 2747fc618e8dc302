"""Sampling: from the scores of a language model to the next token.

Top-k: Fan, Lewis and Dauphin (2018), https://doi.org/10.18653/v1/P18-1082. Top-p, or
nucleus sampling: Holtzman et al. (2020), https://arxiv.org/abs/1904.09751. Min-p:
Nguyen et al. (2025), https://arxiv.org/abs/2407.01082. Repetition penalty: Keskar et
al. (2019), https://arxiv.org/abs/1909.05858, with the rule of transformers for
negative logits. Frequency and presence penalty: those of the API of OpenAI.

Glossary::

    u of Holtzman, x of Keskar    logits        scores before the softmax
    t, T                          temperature
    V^(k), V^(p)                  k, p          arguments top_k, top_p of libraries
    p_base of Nguyen              min_p
    theta, g of Keskar            penalty, tokens
    c, alpha_frequency of OpenAI  counts, frequency

Axes: ``batch``, ``seq``, ``vocab``. A removed token has the logit minus infinity.
"""

from collections.abc import Callable, Sequence
from math import inf, log

import torch
from jaxtyping import Float, Int
from torch import Tensor


def check(logits: Float[Tensor, "*batch vocab"]) -> None:
    """Refuse logits that are no distribution.

    Raises
    ------
    ValueError
        If the vocabulary is empty, a logit is NaN or plus infinity, or no token is
        left.
    """
    if logits.shape[-1] == 0:
        raise ValueError(f"logits of shape {tuple(logits.shape)} have no vocabulary")
    if bad := int((logits.isnan() | (logits == inf)).sum()):
        raise ValueError(f"{bad} logits are NaN or plus infinity")
    if rows := int((logits == -inf).all(dim=-1).sum()):
        raise ValueError(f"{rows} rows have no token left: all logits are -inf")


def probabilities(
    logits: Float[Tensor, "*batch vocab"],
) -> Float[Tensor, "*batch vocab"]:
    """The softmax, in single precision or better.

    Examples
    --------
    >>> probabilities(torch.tensor([log(3.0), 0.0, -inf]))
    tensor([0.7500, 0.2500, 0.0000])
    """
    check(logits)
    return logits.softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))


def apply_temperature(
    logits: Float[Tensor, "*batch vocab"], temperature: float
) -> Float[Tensor, "*batch vocab"]:
    """Divide the distances to the largest logit by the temperature.

    The largest logit becomes zero, so that no small temperature overflows.

    Examples
    --------
    >>> apply_temperature(torch.tensor([3.0, 1.0]), 0.5)
    tensor([ 0., -4.])
    """
    check(logits)
    if temperature == 0:
        raise ValueError("temperature=0.0: take logits.argmax(-1), greedy decoding")
    limits = torch.finfo(logits.dtype)
    if not limits.tiny <= temperature <= limits.max:
        raise ValueError(f"temperature={temperature} is not positive and finite")
    return (logits - logits.amax(-1, keepdim=True)) / temperature


def keep_top_k(
    logits: Float[Tensor, "*batch vocab"], k: int
) -> Float[Tensor, "*batch vocab"]:
    """Remove tokens below the k-th largest logit; tokens equal to it stay.

    Examples
    --------
    >>> keep_top_k(torch.tensor([2.0, 0.0, 1.0, 1.0]), 2)
    tensor([2., -inf, 1., 1.])
    """
    check(logits)
    if k < 1:
        raise ValueError(f"k={k} keeps no token; leave top-k out to keep all")
    lowest = logits.topk(min(k, logits.shape[-1])).values[..., -1:]
    return logits.masked_fill(logits < lowest, -inf)


def keep_top_p(
    logits: Float[Tensor, "*batch vocab"], p: float
) -> Float[Tensor, "*batch vocab"]:
    """Keep the fewest most probable tokens that reach p, and those equal to the last.

    Examples
    --------
    >>> keep_top_p(torch.tensor([0.2, 0.5, 0.1, 0.2]).log(), 0.6).exp()
    tensor([0.2000, 0.5000, 0.0000, 0.2000])
    """
    if not 0 < p <= 1:
        raise ValueError(f"p={p} is not in (0, 1]")
    ascending = logits.sort(dim=-1).values
    mass = probabilities(ascending).cumsum(-1)  # of a token and all that are smaller
    removed = (mass <= 1 - p).sum(-1, keepdim=True)
    lowest = ascending.gather(-1, removed.clamp(max=logits.shape[-1] - 1))
    return logits.masked_fill(logits < lowest, -inf)


def keep_min_p(
    logits: Float[Tensor, "*batch vocab"], min_p: float
) -> Float[Tensor, "*batch vocab"]:
    """Remove tokens less probable than min_p times the most probable one.

    Examples
    --------
    >>> keep_min_p(torch.tensor([0.6, 0.25, 0.15]).log(), 0.4).exp()
    tensor([0.6000, 0.2500, 0.0000])
    """
    check(logits)
    if not 0 <= min_p <= 1:
        raise ValueError(f"min_p={min_p} is not in [0, 1]")
    wide = torch.promote_types(logits.dtype, torch.float32)
    distance = log(min_p) if min_p else -inf
    lowest = logits.amax(-1, keepdim=True).to(wide) + distance
    return logits.masked_fill(logits < lowest, -inf)


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


def draw(
    logits: Float[Tensor, "batch vocab"], generator: torch.Generator | None = None
) -> Int[Tensor, " batch"]:
    """Draw one token for each row."""
    return torch.multinomial(probabilities(logits), 1, generator=generator)[:, 0]


def generate(
    model: Callable[[Int[Tensor, "batch seq"]], Float[Tensor, "batch vocab"]],
    tokens: Int[Tensor, "batch prompt"],
    steps: int,
    choose: Callable[[Tensor, Tensor], Int[Tensor, " batch"]],
) -> Int[Tensor, "batch longer"]:
    """Append ``choose(logits, tokens)`` to the tokens, again and again."""
    for _ in range(steps):
        chosen = choose(model(tokens), tokens)
        tokens = torch.cat([tokens, chosen[:, None]], dim=1)
    return tokens


def ends_in_loop(tokens: Sequence[int], shortest: int = 2, times: int = 3) -> bool:
    """Whether the last tokens are one phrase, several times in a row.

    Examples
    --------
    >>> ends_in_loop([7, 1, 2, 1, 2, 1, 2]), ends_in_loop([1, 2, 1, 2, 1, 2, 7])
    (True, False)
    """
    if shortest < 1 or times < 2:
        raise ValueError(f"a phrase of {shortest} tokens, {times} times, is no loop")
    tail = list(tokens)
    return any(
        tail[-length * times :] == tail[-length:] * times
        for length in range(shortest, len(tail) // times + 1)
    )
