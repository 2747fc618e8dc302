"""Efficient attention: what one more token costs in each variant, in one layer.

The variants and their sources have pages of their own; here are their bills.

Axes::

    tokens      positions that a new token can look back at, itself included
    heads       query heads
    kv_heads    key/value heads; divides ``heads``
    head_dim    features of one head
    window      positions that a sliding window holds
    latent_dim  features of a compressed token, ``rope_dim`` of its position
    key_dim     a memory of fixed size is a matrix (value_dim, key_dim) for each head
"""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode


class Bill(NamedTuple):
    """What a layer charges for a new token.

    Parameters
    ----------
    kept
        Numbers that stay in memory until the next token.
    read
        How many of them the new token reads.
    multiplications
        In the products of matrices and vectors, projections of the token left out.
    """

    kept: int
    read: int
    multiplications: int


def grouped_bill(tokens: int, *, heads: int, kv_heads: int, head_dim: int) -> Bill:
    """Keys and values of ``kv_heads`` heads, used by each query head that shares them.

    With as many as query heads it is multi-head attention, with one multi-query.

    Raises
    ------
    ValueError
        If the heads cannot be shared evenly.

    Examples
    --------
    >>> grouped_bill(10, heads=4, kv_heads=2, head_dim=3)
    Bill(kept=120, read=120, multiplications=240)
    """
    if kv_heads < 1 or heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads} key heads")
    kept = 2 * tokens * kv_heads * head_dim
    return Bill(kept, kept, heads // kv_heads * kept)


def windowed_bill(tokens: int, *, window: int, **sizes: int) -> Bill:
    """The same for the last ``window`` tokens; earlier ones are overwritten.

    Raises
    ------
    ValueError
        If the window holds nothing.

    Examples
    --------
    >>> windowed_bill(10, window=5, heads=4, kv_heads=2, head_dim=3)
    Bill(kept=60, read=60, multiplications=120)
    """
    if window < 1:
        raise ValueError(f"a window of {window} positions holds nothing to read")
    return grouped_bill(min(tokens, window), **sizes)


def latent_bill(
    tokens: int,
    *,
    heads: int,
    latent_dim: int,
    rope_dim: int,
    nope_dim: int,
    value_dim: int,
) -> Bill:
    """One latent and one turned key per token; each head compares with all of both.

    The last term absorbs the projections of keys and values into the new token.

    Examples
    --------
    >>> latent_bill(10, heads=4, latent_dim=5, rope_dim=2, nope_dim=3, value_dim=3)
    Bill(kept=70, read=70, multiplications=600)
    """
    kept = tokens * (latent_dim + rope_dim)
    compared = tokens * heads * (2 * latent_dim + rope_dim)
    absorbed = heads * latent_dim * (nope_dim + value_dim)
    return Bill(kept, kept, compared + absorbed)


def sparse_bill(
    tokens: int, *, top_k: int, index_heads: int, index_dim: int, **sizes: int
) -> Bill:
    """Latents of the ``top_k`` tokens that an indexer chooses; it looks at all.

    Raises
    ------
    ValueError
        If nothing is to be chosen.

    Examples
    --------
    >>> latent = dict(heads=4, latent_dim=5, rope_dim=2, nope_dim=3, value_dim=3)
    >>> sparse_bill(10, top_k=5, index_heads=2, index_dim=3, **latent)
    Bill(kept=100, read=65, multiplications=440)
    """
    if top_k < 1:
        raise ValueError(f"{top_k=} chooses nothing")
    index_keys = tokens * index_dim
    everything = latent_bill(tokens, **sizes)
    chosen = latent_bill(min(tokens, top_k), **sizes)
    looking = tokens * index_heads * (index_dim + 1)
    return Bill(
        everything.kept + index_keys,
        chosen.read + index_keys,
        chosen.multiplications + looking,
    )


def linear_bill(*, heads: int, key_dim: int, value_dim: int) -> Bill:
    """A matrix per head: one product writes a token into it, one reads.

    Examples
    --------
    >>> linear_bill(heads=4, key_dim=3, value_dim=3)
    Bill(kept=36, read=36, multiplications=72)
    """
    kept = heads * key_dim * value_dim
    return Bill(kept, kept, 2 * kept)


def delta_bill(*, heads: int, key_dim: int, value_dim: int) -> Bill:
    """The same with one product more, which asks what the matrix holds already."""
    kept, read, _ = linear_bill(heads=heads, key_dim=key_dim, value_dim=value_dim)
    return Bill(kept, read, 3 * kept)


def tour(tokens: int) -> dict[str, Bill]:
    """The bills of one layer: 32 query heads of 128 features.

    Latents have the sizes of DeepSeek-V2 and V3; the indexer has a quarter of the heads
    of DeepSeek-V3.2, as the layer has a quarter of its query heads.

    Examples
    --------
    >>> tour(1)["multi-head"]
    Bill(kept=8192, read=8192, multiplications=8192)
    """
    heads = {"heads": 32, "head_dim": 128}
    up = {"nope_dim": 128, "value_dim": 128}
    latent = {"heads": 32, "latent_dim": 512, "rope_dim": 64, **up}
    indexer = {"top_k": 2048, "index_heads": 16, "index_dim": 128}
    matrix = {"heads": 32, "key_dim": 128, "value_dim": 128}
    return {
        "multi-head": grouped_bill(tokens, kv_heads=32, **heads),
        "grouped-query": grouped_bill(tokens, kv_heads=8, **heads),
        "multi-query": grouped_bill(tokens, kv_heads=1, **heads),
        "sliding window": windowed_bill(tokens, window=4096, kv_heads=8, **heads),
        "latent": latent_bill(tokens, **latent),
        "sparse": sparse_bill(tokens, **indexer, **latent),
        "linear": linear_bill(**matrix),
        "delta rule": delta_bill(**matrix),
    }


def outer_product(*factors: object, out_shape: torch.Size, **_: object) -> int:
    """Operations of ``left * right`` if the result is larger than both, else none."""
    sizes = [prod(shape) for shape in factors if isinstance(shape, torch.Size)]
    made = prod(out_shape)
    return 2 * made if len(sizes) == 2 and made > max(sizes) else 0


def multiplications(run: Callable[[], object]) -> int:
    """Count those of matrix and outer products while ``run`` runs.

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


def numbers_read(kept: list[Tensor], run: Callable[[], Tensor]) -> int:
    """How many kept numbers the result depends on, by their gradients.

    Examples
    --------
    >>> kept = torch.ones(5)
    >>> numbers_read([kept], lambda: kept[1:3].sum())
    2
    """
    for part in kept:
        part.requires_grad_()
    grads = torch.autograd.grad(run().sum(), kept)
    for part in kept:
        part.requires_grad_(False)
    return sum(int(grad.count_nonzero()) for grad in grads)
