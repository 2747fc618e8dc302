"""Delta rule: linear attention whose state is corrected instead of added to.

Katharopoulos et al. (2020), https://arxiv.org/abs/2006.16236; the delta rule, Schlag,
Irie and Schmidhuber (2021), https://arxiv.org/abs/2102.11174; in chunks, Yang et al.
(2024), https://arxiv.org/abs/2406.06484; gated, Yang, Kautz and Hatamizadeh (2024),
https://arxiv.org/abs/2412.06464

Symbols::

    q_t, k_t, v_t   query, key, value
    S_t             state
    A_t             transition (multiplies the state from the right)
    alpha_t         exp(log_decay)
    beta_t          beta
    d_t, D          delta
    U, W            U, W

Axes::

    batch      independent sequences
    heads      states of a layer
    seq        positions; ``chunk`` of them are handled at once
    key_dim    features of a key or query
    value_dim  features of a value; a state is a matrix (value_dim, key_dim)

Half precision is too coarse for a state that is updated thousands of times. So all
functions compute in single precision (or double), and return the type they were given.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def widened(*tensors: Tensor) -> list[Tensor]:
    """Half precision turned into single; other types stay as they are.

    Examples
    --------
    >>> [x.dtype for x in widened(torch.ones(1).half(), torch.ones(1).double())]
    [torch.float32, torch.float64]
    """
    return [x.to(torch.promote_types(x.dtype, torch.float32)) for x in tensors]


def feature_map(x: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """``elu(x) + 1``, which would be rounded to zero where ``x`` is below -17.

    Examples
    --------
    >>> feature_map(torch.tensor([-20.0, 0.0, 2.0]))
    tensor([2.0612e-09, 1.0000e+00, 3.0000e+00])
    """
    return torch.where(x > 0, x + 1, x.clamp(max=0).exp())


def normalized_linear_attention(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
) -> Float[Tensor, "batch heads seq value_dim"]:
    """Linear attention with the feature map elu(x) + 1 and a normalizer.

    The result is NaN where all features of a query, or of all keys so far, are below
    about -100: the feature map is then rounded to zero in single precision.

    Examples
    --------
    The output is an average of the values so far:

    >>> key, value = torch.ones(1, 1, 2, 1), torch.tensor([[[[10.0], [20.0]]]])
    >>> normalized_linear_attention(key, key, value).flatten()
    tensor([10., 15.])
    """
    dtype = value.dtype
    query, key, value = widened(query, key, value)
    query, key = feature_map(query), feature_map(key)
    query = query / query.detach().amax(dim=-1, keepdim=True)  # against underflow
    normalizer = torch.einsum("bhtk,bhtk->bht", query, key.cumsum(dim=2))
    output = linear_attention(query, key, value) / normalizer.unsqueeze(-1)
    return output.to(dtype)


def linear_attention(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
) -> Float[Tensor, "batch heads seq value_dim"]:
    """Attention without softmax: add ``v k^T`` to the state, then multiply by ``q``.

    Examples
    --------
    Of two values with the same key, the state returns the sum:

    >>> key, value = torch.ones(1, 1, 2, 1), torch.tensor([[[[10.0], [20.0]]]])
    >>> linear_attention(key, key, value).flatten()
    tensor([10., 30.])
    """
    output = torch.empty_like(value)
    query, key, value = widened(query, key, value)
    state = value.new_zeros(*value.shape[:2], value.shape[3], key.shape[3])
    for t in range(key.shape[2]):
        q, k, v = query[:, :, t], key[:, :, t], value[:, :, t]
        state = state + torch.einsum("bhv,bhk->bhvk", v, k)
        output[:, :, t] = torch.einsum("bhvk,bhk->bhv", state, q)
    return output


def matrix_recurrence(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    transition: Float[Tensor, "batch heads seq key_dim key_dim"],
) -> Float[Tensor, "batch heads seq value_dim"]:
    """Any model with ``S_t = S_{t-1} A_t + beta_t v_t k_t^T`` and ``o_t = S_t q_t``."""
    output = torch.empty_like(value)
    tensors = query, key, value, beta, transition
    query, key, value, beta, transition = widened(*tensors)
    state = value.new_zeros(*value.shape[:2], value.shape[3], key.shape[3])
    for t in range(key.shape[2]):
        written = beta[:, :, t, None] * value[:, :, t]
        update = torch.einsum("bhv,bhk->bhvk", written, key[:, :, t])
        state = state @ transition[:, :, t] + update
        output[:, :, t] = torch.einsum("bhvk,bhk->bhv", state, query[:, :, t])
    return output


def delta_rule(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    state: Float[Tensor, "batch heads value_dim key_dim"],
) -> tuple[
    Float[Tensor, "batch heads seq value_dim"],
    Float[Tensor, "batch heads value_dim key_dim"],
]:
    """Write the difference between the value and what the state returns for the key.

    Returns the output at each position, and the state after the last one.

    Parameters
    ----------
    key
        Of length one; where ``beta * |key|**2`` is above 2, the state grows.
    beta
        From 0 (do not write) to 1 (replace the value of the key).

    Examples
    --------
    Of two values with the same key, the state returns the second:

    >>> key, value = torch.ones(1, 1, 2, 1), torch.tensor([[[[10.0], [20.0]]]])
    >>> empty, always = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 2)
    >>> delta_rule(key, key, value, always, empty)[0].flatten()
    tensor([10., 20.])
    """
    output, dtype = torch.empty_like(value), state.dtype
    query, key, value, beta, state = widened(query, key, value, beta, state)
    for t in range(key.shape[2]):
        q, k, v = query[:, :, t], key[:, :, t], value[:, :, t]
        predicted = torch.einsum("bhvk,bhk->bhv", state, k)
        delta = beta[:, :, t, None] * (v - predicted)
        state = state + torch.einsum("bhv,bhk->bhvk", delta, k)
        output[:, :, t] = torch.einsum("bhvk,bhk->bhv", state, q)
    return output, state.to(dtype)


def chunk_factors(
    key: Float[Tensor, "batch heads chunk key_dim"],
    value: Float[Tensor, "batch heads chunk value_dim"],
    beta: Float[Tensor, "batch heads chunk"],
) -> tuple[
    Float[Tensor, "batch heads chunk value_dim"],
    Float[Tensor, "batch heads chunk key_dim"],
]:
    """Matrices U and W: with a state S before it, a chunk writes ``U - W S^T``."""
    types = value.dtype, key.dtype
    key, value, beta = widened(key, value, beta.unsqueeze(-1))
    system = (beta * key) @ key.mT  # only the part below the diagonal is used
    right = torch.cat([beta * value, beta * key], dim=-1)
    solved = torch.linalg.solve_triangular(
        system, right, upper=False, unitriangular=True
    )
    U, W = solved.split([value.shape[-1], key.shape[-1]], dim=-1)
    return U.to(types[0]), W.to(types[1])


def chunked_delta_rule(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    state: Float[Tensor, "batch heads value_dim key_dim"],
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
    output, dtype = torch.empty_like(value), state.dtype
    *inputs, state = widened(query, key, value, beta, state)
    for start in range(0, key.shape[2], chunk):
        at = slice(start, start + chunk)
        q, k, v, b = (tensor[:, :, at] for tensor in inputs)
        U, W = chunk_factors(k, v, b)
        delta = U - W @ state.mT
        output[:, :, at] = q @ state.mT + (q @ k.mT).tril() @ delta
        state = state + delta.mT @ k
    return output, state.to(dtype)


def gated_delta_rule(
    query: Float[Tensor, "batch heads seq key_dim"],
    key: Float[Tensor, "batch heads seq key_dim"],
    value: Float[Tensor, "batch heads seq value_dim"],
    beta: Float[Tensor, "batch heads seq"],
    log_decay: Float[Tensor, "batch heads seq"],
    state: Float[Tensor, "batch heads value_dim key_dim"],
    chunk: int = 64,
) -> tuple[
    Float[Tensor, "batch heads seq value_dim"],
    Float[Tensor, "batch heads value_dim key_dim"],
]:
    """Delta rule in chunks; ``exp(log_decay)`` multiplies the state before each write.

    Raises
    ------
    ValueError
        If a chunk has no positions, or a decay is zero or above one.
    """
    if chunk < 1:
        raise ValueError(f"a chunk of {chunk} positions")
    if not ((log_decay > -math.inf) & (log_decay <= 0)).all():
        raise ValueError("logarithms of decays must be finite and at most 0")
    output, dtype = torch.empty_like(value), state.dtype
    inputs = query, key, value, beta.unsqueeze(-1), log_decay, state
    *inputs, state = widened(*inputs)
    for start in range(0, key.shape[2], chunk):
        at = slice(start, start + chunk)
        q, k, v, b, g = (tensor[:, :, at] for tensor in inputs)
        total = g.cumsum(dim=-1).unsqueeze(-1)
        # Sums from each position to each later one. The difference of two sums from
        # the start of the chunk would cancel where a decay is strong.
        between = g.unsqueeze(-1).expand(*g.shape, g.shape[-1]).tril(-1)
        decay = between.cumsum(dim=-2).exp()
        system = (b * k) @ k.mT * decay
        right = b * (v - total.exp() * (k @ state.mT))
        delta = torch.linalg.solve_triangular(
            system, right, upper=False, unitriangular=True
        )
        scores = (q @ k.mT * decay).tril()
        output[:, :, at] = total.exp() * (q @ state.mT) + scores @ delta
        state = g.sum(-1)[..., None, None].exp() * state
        state = state + delta.mT @ (k * decay[..., -1:, :].mT)
    return output, state.to(dtype)
