"""ALiBi: subtract from each score a slope times the distance, and nothing else.

Press, Smith and Lewis (2022), https://arxiv.org/abs/2108.12409

Symbols::

    m_h    slopes, one for each head
    H      heads
    d      head_dim
    i - j  distance

Axes::

    batch     independent sequences
    heads     heads, each with its own slope
    q_len     query positions
    kv_len    key positions, cached ones included; ``kv_len >= q_len``
    head_dim  features of one head
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def slopes(heads: int) -> Float[Tensor, " heads"]:
    """Slope of each head: a geometric sequence that ends at 1/256.

    Where ``heads`` is no power of two, the sequence is that of the power below, and
    then every other slope of the power above.

    Raises
    ------
    ValueError
        If there are no heads.

    Examples
    --------
    >>> slopes(8).log2().tolist()
    [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0]
    >>> slopes(6).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]
    """
    if heads < 1:
        raise ValueError(f"no slopes for {heads=}")
    power = 2 ** int(math.log2(heads))
    exponents = [8 / power * (n + 1) for n in range(power)]
    exponents += [4 / power * (2 * n + 1) for n in range(heads - power)]
    return 2 ** -torch.tensor(exponents)


def alibi_bias(
    slopes: Float[Tensor, " heads"], q_len: int, kv_len: int
) -> Float[Tensor, "heads q_len kv_len"]:
    """Minus slope times distance for keys up to the query, minus infinity after it.

    The last query stands at the last key.

    Raises
    ------
    ValueError
        If there are no queries, or more queries than keys.

    Examples
    --------
    >>> alibi_bias(torch.tensor([0.5]), q_len=2, kv_len=3)
    tensor([[[-0.5000, -0.0000,    -inf],
             [-1.0000, -0.5000, -0.0000]]])
    """
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    key = torch.arange(kv_len, device=slopes.device)  # integers: bfloat16 has no 257
    distance = key[kv_len - q_len :, None] - key
    bias = -slopes.double()[:, None, None] * distance
    return bias.masked_fill(distance < 0, -math.inf).to(slopes)


def alibi_attention(
    query: Float[Tensor, "batch heads q_len head_dim"],
    key: Float[Tensor, "batch heads kv_len head_dim"],
    value: Float[Tensor, "batch heads kv_len head_dim"],
) -> Float[Tensor, "batch heads q_len head_dim"]:
    """Causal attention with :func:`alibi_bias` added to the scaled scores."""
    _, heads, q_len, head_dim = query.shape
    scores = query / math.sqrt(head_dim) @ key.mT
    bias = alibi_bias(slopes(heads).to(scores), q_len, key.shape[-2])
    weights = (scores + bias).softmax(dim=-1)
    return weights @ value


def mean_distance(slopes: Float[Tensor, " heads"]) -> Float[Tensor, " heads"]:
    """Mean distance of the attention of each head, in a long text of equal scores.

    Examples
    --------
    A slope of log 2 halves the weight at each step back:

    >>> mean_distance(torch.tensor([math.log(2)]))
    tensor([1.])
    """
    return 1 / slopes.expm1()
