"""Speculative decoding: a small model guesses tokens, a large one checks them together.

Leviathan, Kalman and Matias (2023), https://arxiv.org/abs/2211.17192; Chen et al.
(2023), https://arxiv.org/abs/2302.01318

Axes::

    batch        independent texts
    guesses      tokens that the draft model writes ahead
    positions    where the target model is asked; ``guesses + 1``
    vocab        tokens that there are; ``draft_vocab`` are those of the draft
    last         positions at the end of a text
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.functional import pad

from snippets.inference.server_costs import Server, Work

#: Called with a text and ``last``: the probabilities of the token that follows each of
#: its last tokens.
Model = Callable[[Int[Tensor, " seq"], int], Float[Tensor, "last vocab"]]


def residual(
    p: Float[Tensor, "*batch vocab"], q: Float[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch vocab"]:
    """Where ``p`` exceeds ``q``, made a distribution; ``p`` itself if it never does.

    Examples
    --------
    >>> residual(torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.7, 0.2]))
    tensor([1., 0., 0.])
    """
    missing = (p - q).clamp(min=0)
    total = missing.sum(dim=-1, keepdim=True)
    return torch.where(total > 0, missing / total.where(total > 0, 1), p)


def verify(
    guess: Int[Tensor, "batch guesses"],
    q: Float[Tensor, "batch guesses draft_vocab"],
    p: Float[Tensor, "batch positions vocab"],
    random: Generator | None = None,
) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """How many guesses are kept, and the token that follows them.

    Half precision is widened: its random numbers are zero too often, and zero keeps
    any guess that is possible at all.

    Parameters
    ----------
    guess
        Drawn from ``q``.
    p
        Of the target, after the text and after each guess.

    Raises
    ------
    ValueError
        If the vocabularies differ, or ``p`` lacks a position.
    """
    if q.shape[2] != p.shape[2]:
        raise ValueError(f"draft of {q.shape[2]} tokens for a target of {p.shape[2]}")
    if p.shape[1] != q.shape[1] + 1:
        raise ValueError(f"{q.shape[1]} guesses, {p.shape[1]} positions of the target")
    wide = torch.promote_types(p.dtype, torch.float32)
    p, q, at = p.to(wide), q.to(wide), guess[..., None]
    ratio = (p[:, :-1].gather(2, at) / q.gather(2, at))[..., 0]
    luck = torch.rand(ratio.shape, dtype=wide, device=p.device, generator=random)
    kept = (luck < ratio).cumprod(dim=1).sum(dim=1)
    rows = torch.arange(len(guess), device=p.device)
    q = pad(q, (0, 0, 0, 1))  # no guess at the last position: its residual is p
    correction = residual(p[rows, kept], q[rows, kept])
    return kept, correction.multinomial(1, generator=random)[:, 0]


def speculate(
    target: Model,
    draft: Model,
    text: Int[Tensor, " seq"],
    guesses: int,
    random: Generator | None = None,
) -> tuple[Int[Tensor, " longer"], int]:
    """One round: the text with one to ``guesses + 1`` more tokens, and how many kept.

    Raises
    ------
    ValueError
        If the text is empty, or the vocabularies differ.
    """
    if not len(text):
        raise ValueError("an empty text: nothing tells what comes first")
    guessed, q = text, []
    for _ in range(guesses):
        q.append(draft(guessed, 1))
        guessed = torch.cat([guessed, q[-1].multinomial(1, generator=random)[0]])
    p = target(guessed, guesses + 1)[None]
    q = torch.cat(q)[None] if q else p[:, :0]
    kept, token = verify(guessed[None, len(text) :], q, p, random)
    return torch.cat([guessed[: len(text) + int(kept)], token]), int(kept)


def acceptance(
    p: Float[Tensor, "*batch vocab"], q: Float[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch"]:
    """Chance that a guess from ``q`` is kept: what ``p`` and ``q`` have in common.

    Examples
    --------
    >>> acceptance(torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.7, 0.2]))
    tensor(0.6000)
    """
    return torch.minimum(p, q).sum(dim=-1)


def expected_tokens(alpha: float, guesses: int) -> float:
    """Tokens for each pass of the target, if each guess is kept with chance ``alpha``.

    Examples
    --------
    >>> expected_tokens(0.5, guesses=2)  # 1 + 0.5 + 0.25
    1.75
    """
    return float(sum(alpha**kept for kept in range(guesses + 1)))


def checking_cost(server: Server, positions: int, requests: int, context: int) -> float:
    """Time of a pass over ``positions`` of each request, relative to one of each.

    Parameters
    ----------
    context
        Tokens in the cache of each request, which a pass reads once for all positions.
    """
    keys = requests * context
    one = server.seconds(Work(requests, 0, keys, keys))
    return server.seconds(Work(positions * requests, 0, keys, positions * keys)) / one


def speedup(
    alpha: float, guesses: int, draft_cost: float, checking: float = 1.0
) -> float:
    """Tokens in a unit of time, relative to the target alone.

    Parameters
    ----------
    draft_cost, checking
        Time of a step of the draft, and of the pass that checks, in target steps.

    Examples
    --------
    >>> speedup(0.5, guesses=2, draft_cost=0.125)  # 1.75 / 1.25
    1.4
    """
    return expected_tokens(alpha, guesses) / (guesses * draft_cost + checking)
