"""Draft trees: several guesses for a position, checked in one pass, the text exact.

Miao et al. (2023), https://arxiv.org/abs/2305.09781; Cai et al. (2024),
https://arxiv.org/abs/2401.10774

Axes::

    batch     independent texts
    siblings  guesses for one position, each drawn from ``q``
    nodes     guesses of a tree, parents before their children
    vocab     tokens that there are
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from snippets.inference.speculative_decoding import acceptance, residual


def verify_siblings(
    guess: Int[Tensor, "batch siblings"],
    q: Float[Tensor, "batch vocab"],
    p: Float[Tensor, "batch vocab"],
    random: Generator | None = None,
) -> tuple[Int[Tensor, " batch"], Int[Tensor, " batch"]]:
    """Which sibling is kept (``siblings`` if none is), and the token of the text.

    Each is tried against what the ones before it have left of ``p``.
    """
    wide = torch.promote_types(p.dtype, torch.float32)  # see ``verify``
    p, q = p.to(wide), q.to(wide)
    rows, siblings = torch.arange(len(guess), device=p.device), guess.shape[1]
    which = torch.full_like(rows, siblings)
    for number, token in enumerate(guess.T):
        luck = torch.rand(len(p), dtype=wide, device=p.device, generator=random)
        kept = luck < p[rows, token] / q[rows, token]
        which = torch.where(kept & (which == siblings), number, which)
        still_open = (which == siblings)[:, None]
        p = torch.where(still_open, residual(p, q), p)
    drawn = p.multinomial(1, generator=random)
    return which, torch.cat([guess, drawn], dim=1)[rows, which]


def sibling_acceptance(
    p: Float[Tensor, "*batch vocab"], q: Float[Tensor, "*batch vocab"], siblings: int
) -> Float[Tensor, "*batch"]:
    """Chance that one of ``siblings`` guesses is kept.

    Examples
    --------
    The first is kept with 0.6; after it, only the first token is missing:

    >>> p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.7, 0.2])
    >>> sibling_acceptance(p, q, siblings=2)  # 1 - 0.4 * 0.9
    tensor(0.6400)
    """
    none = torch.ones_like(p[..., 0])
    for _ in range(siblings):
        none = none * (1 - acceptance(p, q))
        p = residual(p, q)
    return 1 - none


def tree_mask(parents: list[int]) -> Bool[Tensor, "nodes nodes"]:
    """Who sees whom: a node sees itself and its ancestors (-1: a child of the text).

    Raises
    ------
    ValueError
        If a node comes before its parent.

    Examples
    --------
    Two guesses for the first position, and one after each:

    >>> tree_mask([-1, -1, 0, 1]).int()
    tensor([[1, 0, 0, 0],
            [0, 1, 0, 0],
            [1, 0, 1, 0],
            [0, 1, 0, 1]], dtype=torch.int32)
    """
    sees = torch.eye(len(parents), dtype=torch.bool)
    for node, parent in enumerate(parents):
        if not -1 <= parent < node:
            raise ValueError(
                f"node {node} has the parent {parent}, which is not before"
            )
        if parent >= 0:
            sees[node] |= sees[parent]
    return sees
