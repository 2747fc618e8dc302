"""Self-attention: each position reads all others, where its query fits their keys.

Vaswani et al. (2017), https://arxiv.org/abs/1706.03762

Axes::

    batch      independent sequences (any number of leading axes)
    q_len      positions that read
    kv_len     positions that are read; in self-attention the same ones
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
    """How much each query reads of each position: a row sums to one.

    Where ``allowed`` is false the weight is exactly zero. A query that may read
    nothing, or for which there is nothing to read, has a row of zeros.

    Examples
    --------
    A query that fits no key better than another reads all alike:

    >>> attention_weights(torch.zeros(1, 2), torch.randn(4, 2))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    # The query, not the product: that could be too large for half precision.
    scores = query / math.sqrt(query.shape[-1]) @ key.mT
    if allowed is None:
        return scores.softmax(dim=-1)
    blocked = ~allowed.to(scores.device)
    # Not -inf: in a row of nothing else, softmax would be 0 / 0.
    lowest = torch.finfo(scores.dtype).min
    weights = scores.masked_fill(blocked, lowest).softmax(dim=-1)
    return weights.masked_fill(blocked, 0)


def attention(
    query: Float[Tensor, "*batch q_len head_dim"],
    key: Float[Tensor, "*batch kv_len head_dim"],
    value: Float[Tensor, "*batch kv_len value_dim"],
    allowed: Bool[Tensor, "*#batch q_len kv_len"] | None = None,
) -> Float[Tensor, "*batch q_len value_dim"]:
    """Average of the values, for each query with weights of its own.

    Examples
    --------
    >>> value = torch.tensor([[1.0], [3.0]])
    >>> attention(torch.zeros(1, 2), torch.randn(2, 2), value)
    tensor([[2.]])
    """
    return attention_weights(query, key, allowed) @ value


def causal(q_len: int, kv_len: int) -> Bool[Tensor, "{q_len} {kv_len}"]:
    """Which keys a query may read if none may look ahead.

    The queries are the last ``q_len`` of ``kv_len`` positions, so that the mask serves
    a whole text (``q_len == kv_len``) and the one token that continues it.

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
    """One head: queries, keys and values are three projections of the same input.

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
