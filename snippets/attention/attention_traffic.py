"""Numbers that one attention head moves to and from the memory of a GPU.

Dao et al. (2022), https://arxiv.org/abs/2205.14135, section 3.2, with all terms. The
tiled forms are those of the kernels in :mod:`snippets.attention.flash_attention_kernel`
and :mod:`snippets.attention.flash_attention_backward_kernel`, not causal.
"""

import math


def naive_traffic(q_len: int, kv_len: int, head_dim: int) -> int:
    """Numbers that the forward pass of a head moves if it stores scores and weights.

    >>> naive_traffic(q_len=1024, kv_len=1024, head_dim=64)
    4456448
    """
    return 4 * q_len * kv_len + 2 * (q_len + kv_len) * head_dim


def naive_backward_traffic(q_len: int, kv_len: int, head_dim: int) -> int:
    """The same for the backward pass, whose five operations share stored weights.

    >>> naive_backward_traffic(q_len=1024, kv_len=1024, head_dim=64)
    7864320
    """
    return 7 * q_len * kv_len + 4 * (q_len + kv_len) * head_dim


def tiled_traffic(q_len: int, kv_len: int, head_dim: int, q_tile: int) -> int:
    """Numbers moved forward if each tile of queries reads all keys and values.

    >>> tiled_traffic(q_len=1024, kv_len=1024, head_dim=64, q_tile=128)
    1180672
    """
    passes = math.ceil(q_len / q_tile)
    return 2 * q_len * head_dim + q_len + passes * 2 * kv_len * head_dim


def tiled_backward_traffic(
    q_len: int, kv_len: int, head_dim: int, q_tile: int, kv_tile: int
) -> int:
    """Numbers moved backward by two kernels, one for dQ and one for dK and dV.

    >>> tiled_backward_traffic(1024, 1024, 64, q_tile=128, kv_tile=128)
    2639872
    """
    for_query = 4 * q_len * head_dim + 2 * q_len
    for_query += math.ceil(q_len / q_tile) * 2 * kv_len * head_dim
    for_key = 4 * kv_len * head_dim
    for_key += math.ceil(kv_len / kv_tile) * 2 * q_len * (head_dim + 1)
    return for_query + for_key


def tile_bytes(q_tile: int, kv_tile: int, head_dim: int) -> int:
    """On-chip memory of the forward pass: inputs in 16 bits, the rest in 32.

    >>> tile_bytes(q_tile=128, kv_tile=128, head_dim=64) / 2**10
    144.0
    """
    inputs = 2 * (q_tile + 2 * kv_tile) * head_dim
    scores_and_accumulator = 4 * q_tile * (kv_tile + head_dim)
    return inputs + scores_and_accumulator
