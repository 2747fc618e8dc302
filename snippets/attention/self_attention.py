"""Self-attention: each position averages the values of all, weighted by its query.

Vaswani et al. (2017), https://arxiv.org/abs/1706.03762, sections 3.2.1 and 3.2.3.

Symbols of the paper::

    Q, K, V        query, key, value
    W^Q, W^K, W^V  the layers query, key and value of SelfAttention
    d_k, d_v       head_dim, value_dim
    mask           allowed (true: the query may attend to the key), causal

Axes::

    batch      independent sequences (any number of leading axes)
    seq        positions of a sequence
    q_len      positions that have a query
    kv_len     positions that have a key and a value; in self-attention the same ones
    head_dim   features of a query and of a key
    value_dim  features of a value
    d_model    features of a position before the projections
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


def attention_weights(
    query: Float[Tensor, "*batch q_len head_dim"],
    key: Float[Tensor, "*batch kv_len head_dim"],
    allowed: Bool[Tensor, "*#batch q_len kv_len"] | None = None,
) -> Float[Tensor, "*batch q_len kv_len"]:
    """Softmax of the scaled scores: each row of weights sums to one.

    Where ``allowed`` is false, the weight is exactly zero. A query without any
    allowed key has a row of zeros.

    Examples
    --------
    A query of zeros has the same score for each key, and so the same weight:

    >>> attention_weights(torch.zeros(1, 2), torch.randn(4, 2))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    # Divide the query: the product q k could overflow in half precision.
    scores = query / math.sqrt(query.shape[-1]) @ key.mT
    if allowed is None:
        return scores.softmax(dim=-1)
    blocked = ~allowed.to(scores.device)
    # Not -inf: a row without any allowed key would become 0 / 0.
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(blocked, lowest).softmax(dim=-1)
    return weights.masked_fill(blocked, 0)


def attention(
    query: Float[Tensor, "*batch q_len head_dim"],
    key: Float[Tensor, "*batch kv_len head_dim"],
    value: Float[Tensor, "*batch kv_len value_dim"],
    allowed: Bool[Tensor, "*#batch q_len kv_len"] | None = None,
) -> Float[Tensor, "*batch q_len value_dim"]:
    """Average of the values, weighted for each query by its attention weights.

    Examples
    --------
    >>> value = torch.tensor([[1.0], [3.0]])
    >>> attention(torch.zeros(1, 2), torch.randn(2, 2), value)
    tensor([[2.]])
    """
    return attention_weights(query, key, allowed) @ value


def causal(q_len: int, kv_len: int) -> Bool[Tensor, "{q_len} {kv_len}"]:
    """Causal mask: true where the key is not later than the query.

    The queries are the last ``q_len`` of ``kv_len`` positions. So the mask serves a
    whole sequence (``q_len == kv_len``) and a single new token (``q_len == 1``).

    Raises
    ------
    ValueError
        If there are more queries than positions.

    Examples
    --------
    >>> causal(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    if q_len > kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} positions")
    return torch.ones(q_len, kv_len, dtype=torch.bool).tril(kv_len - q_len)


class SelfAttention(nn.Module):
    """One head: query, key and value are three learned projections of the input.

    Examples
    --------
    >>> SelfAttention(d_model=6, head_dim=4)(torch.randn(2, 5, 6)).shape
    torch.Size([2, 5, 4])
    """

    def __init__(self, *, d_model: int, head_dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(d_model, head_dim, bias=False)
        self.key = nn.Linear(d_model, head_dim, bias=False)
        self.value = nn.Linear(d_model, head_dim, bias=False)

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        allowed: Bool[Tensor, "*#batch seq seq"] | None = None,
    ) -> Float[Tensor, "*batch seq head_dim"]:
        return attention(self.query(x), self.key(x), self.value(x), allowed)
