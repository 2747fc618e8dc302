"""Efficient attention: what one more token costs in each variant, in one layer.

The variants and their sources have pages of their own. Costs are counted in numbers,
not bytes; a number has two bytes in 16 bits.

Symbols::

    T, H, G, d, W   tokens, heads, kv_heads, head_dim, window

Axes::

    tokens      positions that a new token can look back at, itself included
    heads       query heads
    kv_heads    key/value heads; divides ``heads``
    head_dim    features of one head
    window      positions that a sliding window holds
    latent_dim  features of a compressed token, ``rope_dim`` of its position
    nope_dim    features of a key without its position, before compression
    key_dim     a state of fixed size is a matrix (value_dim, key_dim) for each head
"""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """What a layer stores, reads, and computes for a new token.

    Parameters
    ----------
    stored
        Numbers that stay in memory until the next token.
    read
        How many of them the new token reads.
    multiplications
        In products of matrices and vectors, without the projections of the token.
    """

    stored: int
    read: int
    multiplications: int


def grouped_cost(tokens: int, *, heads: int, kv_heads: int, head_dim: int) -> Cost:
    """Keys and values of ``kv_heads`` heads, each used by ``heads / kv_heads`` queries.

    ``kv_heads == heads`` is multi-head attention, ``kv_heads == 1`` is multi-query.

    Raises
    ------
    ValueError
        If the heads cannot be shared evenly.

    Examples
    --------
    >>> grouped_cost(10, heads=4, kv_heads=2, head_dim=3)
    Cost(stored=120, read=120, multiplications=240)
    """
    if kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} key heads")
    stored = 2 * tokens * kv_heads * head_dim
    return Cost(stored, stored, heads // kv_heads * stored)


def windowed_cost(tokens: int, *, window: int, **sizes: int) -> Cost:
    """Cost of the last ``window`` tokens; earlier ones are overwritten.

    Raises
    ------
    ValueError
        If the window holds nothing.

    Examples
    --------
    >>> windowed_cost(10, window=5, heads=4, kv_heads=2, head_dim=3)
    Cost(stored=60, read=60, multiplications=120)
    """
    if window < 1:
        raise ValueError(f"a window of {window} positions holds nothing to read")
    return grouped_cost(min(tokens, window), **sizes)


def latent_cost(
    tokens: int,
    *,
    heads: int,
    latent_dim: int,
    rope_dim: int,
    nope_dim: int,
    value_dim: int,
) -> Cost:
    """One latent and one rotated key per token, with which every head computes.

    The last term is the work of projecting the query into the space of latents, and
    the output back.

    Examples
    --------
    >>> latent_cost(10, heads=4, latent_dim=5, rope_dim=2, nope_dim=3, value_dim=3)
    Cost(stored=70, read=70, multiplications=600)
    """
    stored = tokens * (latent_dim + rope_dim)
    compared = tokens * heads * (2 * latent_dim + rope_dim)
    absorbed = heads * latent_dim * (nope_dim + value_dim)
    return Cost(stored, stored, compared + absorbed)


def sparse_cost(
    tokens: int, *, top_k: int, index_heads: int, index_dim: int, **sizes: int
) -> Cost:
    """Latents of the ``top_k`` tokens that an indexer selects after scoring all.

    Raises
    ------
    ValueError
        If no token is selected.

    Examples
    --------
    >>> latent = dict(heads=4, latent_dim=5, rope_dim=2, nope_dim=3, value_dim=3)
    >>> sparse_cost(10, top_k=5, index_heads=2, index_dim=3, **latent)
    Cost(stored=100, read=65, multiplications=440)
    """
    if top_k < 1:
        raise ValueError(f"{top_k=} selects nothing")
    index_keys = tokens * index_dim
    dense = latent_cost(tokens, **sizes)
    selected = latent_cost(min(tokens, top_k), **sizes)
    scoring = tokens * index_heads * (index_dim + 1)
    return Cost(
        dense.stored + index_keys,
        selected.read + index_keys,
        selected.multiplications + scoring,
    )


def linear_cost(*, heads: int, key_dim: int, value_dim: int) -> Cost:
    """A matrix per head: one product adds a token to it, and one reads it.

    Examples
    --------
    >>> linear_cost(heads=4, key_dim=3, value_dim=3)
    Cost(stored=36, read=36, multiplications=72)
    """
    stored = heads * key_dim * value_dim
    return Cost(stored, stored, 2 * stored)


def delta_cost(*, heads: int, key_dim: int, value_dim: int) -> Cost:
    """Linear attention, and one more product for the prediction of the value."""
    stored, read, _ = linear_cost(heads=heads, key_dim=key_dim, value_dim=value_dim)
    return Cost(stored, read, 3 * stored)


def all_costs(tokens: int) -> dict[str, Cost]:
    """Cost of each variant in a layer with 32 query heads of 128 features.

    Latents have the sizes of DeepSeek-V2 and V3; the indexer has a quarter of the heads
    of DeepSeek-V3.2, as the layer has a quarter of its query heads.

    Examples
    --------
    >>> all_costs(1)["multi-head"]
    Cost(stored=8192, read=8192, multiplications=8192)
    """
    heads = {"heads": 32, "head_dim": 128}
    up = {"nope_dim": 128, "value_dim": 128}
    latent = {"heads": 32, "latent_dim": 512, "rope_dim": 64, **up}
    indexer = {"top_k": 2048, "index_heads": 16, "index_dim": 128}
    matrix = {"heads": 32, "key_dim": 128, "value_dim": 128}
    return {
        "multi-head": grouped_cost(tokens, kv_heads=32, **heads),
        "grouped-query": grouped_cost(tokens, kv_heads=8, **heads),
        "multi-query": grouped_cost(tokens, kv_heads=1, **heads),
        "sliding window": windowed_cost(tokens, window=4096, kv_heads=8, **heads),
        "latent": latent_cost(tokens, **latent),
        "sparse": sparse_cost(tokens, **indexer, **latent),
        "linear": linear_cost(**matrix),
        "delta rule": delta_cost(**matrix),
    }


def outer_product(*factors: object, out_shape: torch.Size, **_: object) -> int:
    """Operations of ``left * right`` if the result is larger than both, else none."""
    sizes = [prod(shape) for shape in factors if isinstance(shape, torch.Size)]
    made = prod(out_shape)
    return 2 * made if len(sizes) == 2 and made > max(sizes) else 0


def multiplications(run: Callable[[], object]) -> int:
    """Count those of matrix and outer products while ``run`` runs.

    PyTorch's fused attention on the CPU counts as none, because the counter has no
    formula for it.

    Examples
    --------
    >>> multiplications(lambda: torch.ones(2, 3) @ torch.ones(3, 5))
    30
    >>> multiplications(lambda: torch.ones(4, 1) * torch.ones(1, 5))
    20
    """
    outer = {torch.ops.aten.mul: outer_product}
    with FlopCounterMode(display=False, custom_mapping=outer) as counter:
        run()
    return counter.get_total_flops() // 2


def numbers_read(stored: list[Tensor], run: Callable[[], Tensor]) -> int:
    """How many stored numbers the result depends on, by their gradients.

    Examples
    --------
    >>> stored = torch.ones(5)
    >>> numbers_read([stored], lambda: stored[1:3].sum())
    2
    """
    for part in stored:
        part.requires_grad_()
    grads = torch.autograd.grad(run().sum(), stored)
    for part in stored:
        part.requires_grad_(False)
    return sum(int(grad.count_nonzero()) for grad in grads)
