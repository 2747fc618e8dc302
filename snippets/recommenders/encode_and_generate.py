"""Generate recommendations token by token, among the codes that exist.

An item's code is a tuple of tokens, such as its semantic ID. A model gives logits for
the next token of a code; the trie (prefix tree) of all codes says which tokens lead to
an item. The source is TIGER (Rajput et al., 2023), which does without the trie.

Glossary::

    prefix_allowed_tokens_fn    trie    which tokens may come next
    num_beams                   width   how many beginnings of codes a step keeps

Axes::

    users, items
    beams       beginnings of codes that are kept for each user
    levels      tokens of a code; ``length`` of them are known
    vocab       tokens of all levels
    nodes       beginnings of codes; node 0 is the empty one
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Codes = Int[Tensor, "items levels"]
Step = Callable[[Int[Tensor, "users beams length"]], Float[Tensor, "users beams vocab"]]
"""Logits of the next token of each user after each beginning of a code."""


class Trie(NamedTuple):
    """The beginnings of all codes as nodes of a tree."""

    children: Int[Tensor, "nodes vocab"]
    """Node that a token leads to; -1 where no code goes on like this."""
    items: Int[Tensor, " nodes"]
    """Item whose code is complete; -1 at other nodes."""
    paths: Int[Tensor, "items levels"]
    """Node before each token of an item's code."""


def prefix_tree(codes: Codes, vocab: int) -> Trie:
    """The trie of the codes of a catalog.

    Raises
    ------
    ValueError
        If there is no code, a token is not in the vocabulary, or two items share a
        code.

    Examples
    --------
    >>> trie = prefix_tree(torch.tensor([[0, 2], [1, 2], [1, 3]]), vocab=4)
    >>> (trie.children[0] >= 0).tolist()  # a code begins with 0 or 1
    [True, True, False, False]
    """
    if codes.numel() == 0:
        raise ValueError(f"codes of shape {tuple(codes.shape)} have no token")
    if not 0 <= codes.min() <= codes.max() < vocab:
        low, high = codes.min().item(), codes.max().item()
        raise ValueError(f"tokens from {low} to {high}, but the vocabulary has {vocab}")
    nodes, ends, paths = [[-1] * vocab], [-1], []
    for item, code in enumerate(codes.tolist()):
        node, path = 0, []
        for token in code:
            path.append(node)
            if nodes[node][token] < 0:
                nodes[node][token] = len(nodes)
                nodes.append([-1] * vocab)
                ends.append(-1)
            node = nodes[node][token]
        if ends[node] >= 0:
            raise ValueError(f"items {ends[node]} and {item} have the code {code}")
        ends[node] = item
        paths.append(path)
    return Trie(torch.tensor(nodes), torch.tensor(ends), torch.tensor(paths))


def allowed_log_probs(
    logits: Float[Tensor, "*batch vocab"], allowed: Bool[Tensor, "*batch vocab"]
) -> Float[Tensor, "*batch vocab"]:
    """Log-probabilities of the allowed tokens, which add up to 1; -inf for others.

    Raises
    ------
    ValueError
        If no token is allowed, or the logit of one that is allowed is not finite.

    Examples
    --------
    >>> allowed = torch.tensor([True, False, True])
    >>> allowed_log_probs(torch.tensor([1.0, 9.0, 1.0]), allowed).exp()
    tensor([0.5000, 0.0000, 0.5000])
    """
    if not allowed.any(dim=-1).all():
        raise ValueError("no token is allowed after one of the beginnings")
    bad = allowed & ~logits.isfinite()
    if bad.any():
        raise ValueError(f"{bad.sum()} logits of allowed tokens are not finite")
    exact = logits.float() if logits.element_size() < 4 else logits
    return exact.masked_fill(~allowed, -torch.inf).log_softmax(dim=-1)


def score_catalog(
    step: Step, trie: Trie, codes: Codes, users: int
) -> Float[Tensor, "users items"]:
    """Log-probability of every item: the sum over the tokens of its code."""
    allowed = trie.children[trie.paths] >= 0  # items, levels, vocab
    total = torch.zeros(users, len(codes))
    for level in range(codes.shape[1]):
        logits = step(codes[:, :level].expand(users, -1, -1))
        log_probs = allowed_log_probs(logits, allowed[:, level].expand_as(logits))
        token = codes[:, level, None].expand(users, -1, 1)
        total = total + log_probs.gather(2, token)[..., 0]
    return total


class Found(NamedTuple):
    """Items of each user, the most probable first."""

    items: Int[Tensor, "users width"]
    log_probs: Float[Tensor, "users width"]


def beam_search(step: Step, trie: Trie, users: int, width: int) -> Found:
    """The most probable items among those that the beam meets.

    Raises
    ------
    ValueError
        If the width is not from 1 to the number of items.
    """
    items, levels = trie.paths.shape
    if not 1 <= width <= items:
        raise ValueError(f"width must be from 1 to {items} items, got {width}")
    vocab = trie.children.shape[1]
    prefixes = torch.zeros(users, 1, 0, dtype=torch.long)
    nodes, total = torch.zeros(users, 1, dtype=torch.long), torch.zeros(users, 1)
    for _ in range(levels):
        allowed = trie.children[nodes] >= 0
        grown = total[..., None] + allowed_log_probs(step(prefixes), allowed)
        total, best = grown.flatten(1).topk(min(width, grown[0].numel()))
        best = best.where(total > -torch.inf, best[:, :1])  # fewer than width go on
        beam, token = best // vocab, best % vocab
        kept = prefixes.gather(1, beam[..., None].expand(-1, -1, prefixes.shape[2]))
        prefixes = torch.cat([kept, token[..., None]], dim=2)
        nodes = trie.children[nodes.gather(1, beam), token]
    return Found(trie.items[nodes], total)
