"""Paged attention: the key/value cache in blocks that may lie anywhere in memory.

Kwon et al. (2023), https://arxiv.org/abs/2309.06180

Axes::

    blocks      physical blocks of the pool, shared by all sequences
    block_size  token slots in one block
    heads       query heads
    kv_heads    key/value heads; divides ``heads``
    head_dim    features of one head
    kv_len      tokens of one sequence that are in the cache
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def gather(
    pool: Float[Tensor, "blocks block_size *features"],
    table: list[int],
    kv_len: int,
) -> Float[Tensor, "kv_len ..."]:
    """One sequence in logical order, read through its block table.

    Raises
    ------
    ValueError
        If the table has too few or too many blocks for ``kv_len`` tokens.

    Examples
    --------
    >>> pool = torch.tensor([[30.0, 40.0], [0.0, 0.0], [10.0, 20.0]])
    >>> gather(pool, table=[2, 0], kv_len=3)
    tensor([10., 20., 30.])
    """
    block_size = pool.shape[1]
    if kv_len < 1 or len(table) != math.ceil(kv_len / block_size):
        raise ValueError(f"{kv_len=} in {len(table)} blocks of {block_size}")
    return pool[table].flatten(0, 1)[:kv_len]


def paged_attention(
    query: Float[Tensor, "heads head_dim"],
    keys: Float[Tensor, "blocks block_size kv_heads head_dim"],
    values: Float[Tensor, "blocks block_size kv_heads head_dim"],
    table: list[int],
    kv_len: int,
) -> Float[Tensor, "heads head_dim"]:
    """Attention of the newest token, one block at a time, none of them moved.

    Raises
    ------
    ValueError
        If the table does not fit ``kv_len``, or heads cannot be shared evenly.

    Examples
    --------
    Equal scores give the mean of the filled slots, here of 1, 2 and 6:

    >>> keys, values = torch.zeros(4, 2, 1, 1), torch.zeros(4, 2, 1, 1)
    >>> values[3, 0], values[3, 1], values[1, 0] = 1.0, 2.0, 6.0
    >>> paged_attention(torch.ones(1, 1), keys, values, table=[3, 1], kv_len=3)
    tensor([[3.]])
    """
    heads = len(query)
    _, block_size, kv_heads, head_dim = keys.shape
    if kv_len < 1 or len(table) != math.ceil(kv_len / block_size):
        raise ValueError(f"{kv_len=} in {len(table)} blocks of {block_size}")
    if heads % kv_heads:
        raise ValueError(f"{heads} query heads cannot share {kv_heads}")

    # (kv_heads, group, head_dim)
    wide = torch.promote_types(query.dtype, torch.float32)  # half-precision sums stall
    query = query.to(wide).unflatten(0, (kv_heads, -1)) / math.sqrt(head_dim)
    largest = query.new_full(query.shape[:2], -math.inf)
    total, mixed = torch.zeros_like(largest), torch.zeros_like(query)
    for logical, block in enumerate(table):
        filled = min(block_size, kv_len - logical * block_size)
        key, value = keys[block, :filled].to(wide), values[block, :filled].to(wide)
        scores = torch.einsum("kgd,skd->kgs", query, key)
        previous, largest = largest, largest.maximum(scores.amax(dim=-1))
        shrink = (previous - largest).exp()
        weights = (scores - largest[..., None]).exp()
        total = shrink * total + weights.sum(dim=-1)
        update = torch.einsum("kgs,skd->kgd", weights, value)
        mixed = shrink[..., None] * mixed + update
    return (mixed / total[..., None]).flatten(0, 1).to(values.dtype)


def blocks_with_sharing(
    *, prompt: int, output: int, samples: int, block_size: int = 16
) -> int:
    """Blocks of ``samples`` outputs that were forked from one prompt.

    Examples
    --------
    160 + 140 tokens take 19 blocks; the first ten, all prompt, are stored once:

    >>> blocks_with_sharing(prompt=160, output=140, samples=1)
    19
    >>> blocks_with_sharing(prompt=160, output=140, samples=4)
    46
    """
    if min(prompt, output, samples, block_size) < 1:
        raise ValueError(f"{prompt=}, {output=}, {samples=}, {block_size=}")
    shared = prompt // block_size
    longest = math.ceil((prompt + output) / block_size)
    return shared + samples * (longest - shared)
