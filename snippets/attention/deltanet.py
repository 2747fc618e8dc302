"""Delta rule: linear attention whose memory corrects what it holds.

Schlag, Irie and Schmidhuber (2021), https://arxiv.org/abs/2102.11174; in chunks, Yang
et al. (2024), https://arxiv.org/abs/2406.06484; gated, Yang, Kautz and Hatamizadeh
(2024), https://arxiv.org/abs/2412.06464

Axes::

    batch      independent sequences
    heads      memories of a layer
    seq        positions; ``chunk`` of them are handled at once
    key_dim    features of a key or query
    value_dim  features of a value; a memory is a matrix (value_dim, key_dim)
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def linear_attention(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
) -> Float[Tensor, "batch heads seq value_dim"]:
    """Attention without softmax, from a memory: add a pair, then read.

    Examples
    --------
    Of two values under one key, the memory knows their sum:

    >>> key, value = torch.ones(1, 1, 2, 1), torch.tensor([[[[10.0], [20.0]]]])
    >>> linear_attention(key, key, value).flatten()
    tensor([10., 30.])
    """
    memory = value.new_zeros(*value.shape[:2], value.shape[3], key.shape[3])
    read = torch.empty_like(value)
    for t in range(key.shape[2]):
        q, k, v = query[:, :, t], key[:, :, t], value[:, :, t]
        memory = memory + torch.einsum("bhv,bhk->bhvk", v, k)
        read[:, :, t] = torch.einsum("bhvk,bhk->bhv", memory, q)
    return read


def delta_rule(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    memory: Float[Tensor, "batch heads value_dim key_dim"],
) -> tuple[
    Float[Tensor, "batch heads seq value_dim"],
    Float[Tensor, "batch heads value_dim key_dim"],
]:
    """Before a pair is written, subtract what the memory says of its key already.

    Returns what was read at each position, and the memory after the last one.

    Parameters
    ----------
    key
        Of length one; corrections under longer keys overshoot.
    beta
        From 0 (do not write) to 1 (replace what the memory says).

    Examples
    --------
    Of two values under one key, the memory knows the second:

    >>> key, value = torch.ones(1, 1, 2, 1), torch.tensor([[[[10.0], [20.0]]]])
    >>> empty, always = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 2)
    >>> delta_rule(key, key, value, always, empty)[0].flatten()
    tensor([10., 20.])
    """
    read = torch.empty_like(value)
    for t in range(key.shape[2]):
        q, k, v = query[:, :, t], key[:, :, t], value[:, :, t]
        known = torch.einsum("bhvk,bhk->bhv", memory, k)
        delta = beta[:, :, t, None] * (v - known)
        memory = memory + torch.einsum("bhv,bhk->bhvk", delta, k)
        read[:, :, t] = torch.einsum("bhvk,bhk->bhv", memory, q)
    return read, memory


def chunk_factors(
    key: Float[Tensor, "batch heads chunk key_dim"],
    value: Float[Tensor, "batch heads chunk value_dim"],
    beta: Float[Tensor, "batch heads chunk"],
) -> tuple[
    Float[Tensor, "batch heads chunk value_dim"],
    Float[Tensor, "batch heads chunk key_dim"],
]:
    """Matrices U and W: with a memory S before it, a chunk writes ``U - W S^T``."""
    beta = beta.unsqueeze(-1)
    system = (beta * key) @ key.mT  # read below its diagonal only
    right = torch.cat([beta * value, beta * key], dim=-1)
    solved = torch.linalg.solve_triangular(
        system, right, upper=False, unitriangular=True
    )
    return solved.split([value.shape[-1], key.shape[-1]], dim=-1)


def chunked_delta_rule(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    memory: Float[Tensor, "batch heads value_dim key_dim"],
    chunk: int = 64,
) -> tuple[
    Float[Tensor, "batch heads seq value_dim"],
    Float[Tensor, "batch heads value_dim key_dim"],
]:
    """Same result as `delta_rule`, with one step per chunk instead of per position.

    Raises
    ------
    ValueError
        If a chunk has no positions.
    """
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk} positions")
    read = []
    parts = [tensor.split(chunk, dim=2) for tensor in (query, key, value, beta)]
    for q, k, v, r in zip(*parts, strict=True):
        own, stale = chunk_factors(k, v, r)
        delta = own - stale @ memory.mT
        read.append(q @ memory.mT + (q @ k.mT).tril() @ delta)
        memory = memory + delta.mT @ k
    return torch.cat(read, dim=2), memory


def gated_delta_rule(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    log_decay: Float[Tensor, "batch heads seq"],
    memory: Float[Tensor, "batch heads value_dim key_dim"],
    chunk: int = 64,
) -> tuple[
    Float[Tensor, "batch heads seq value_dim"],
    Float[Tensor, "batch heads value_dim key_dim"],
]:
    """Delta rule in chunks whose memory fades by ``exp(log_decay)`` before a position.

    Raises
    ------
    ValueError
        If a chunk has no positions, or a decay is zero or above one.
    """
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk} positions")
    if not ((log_decay > -math.inf) & (log_decay <= 0)).all():
        raise ValueError("logarithms of decays must be finite and at most 0")
    read = []
    inputs = query, key, value, beta.unsqueeze(-1), log_decay
    parts = [tensor.split(chunk, dim=2) for tensor in inputs]
    for q, k, v, r, g in zip(*parts, strict=True):
        total = g.cumsum(dim=-1).unsqueeze(-1)
        # From each position to each later one: sums of what lies between, since the
        # difference of two sums from the start would cancel where decays are strong.
        between = g.unsqueeze(-1).expand(*g.shape, g.shape[-1]).tril(-1)
        fade = between.cumsum(dim=-2).exp()
        system = (r * k) @ k.mT * fade
        right = r * (v - total.exp() * (k @ memory.mT))
        delta = torch.linalg.solve_triangular(
            system, right, upper=False, unitriangular=True
        )
        read.append(total.exp() * (q @ memory.mT) + (q @ k.mT * fade).tril() @ delta)
        memory = g.sum(-1)[..., None, None].exp() * memory
        memory = memory + delta.mT @ (k * fade[..., -1:, :].mT)
    return torch.cat(read, dim=2), memory
