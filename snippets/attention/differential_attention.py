"""Differential attention: one attention map minus another, to cancel what both share.

Ye et al. (2025), https://arxiv.org/abs/2410.05258. Symbols of the paper and our
names::

    Q_1, Q_2         query[:, :, 0], query[:, :, 1]; keys alike
    lambda           lambda_, how much of the second map is subtracted
    lambda_init      lambda_init
    lambda_q1, _q2   lambda_q[0], lambda_q[1]; lambda_k alike
    GroupNorm        norm, an RMSNorm of each head

Axes::

    batch      independent sequences
    heads      differential heads, each with two maps
    q_len      query positions
    kv_len     key positions; the last query stands at the last key
    head_dim   features of one query or key
    value_dim  features of one value; twice ``head_dim`` in the layer
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


def differential_weights(
    query: Float[Tensor, "batch heads 2 q_len head_dim"],
    key: Float[Tensor, "batch heads 2 kv_len head_dim"],
    lambda_: Float[Tensor, ""] | float,
) -> Float[Tensor, "batch heads q_len kv_len"]:
    """First causal attention map minus ``lambda_`` times the second.

    Rows add up to ``1 - lambda_``, and entries may be negative.

    Raises
    ------
    ValueError
        If a query would see no key at all.

    Examples
    --------
    With equal scores both maps are uniform, and so is their difference:

    >>> query, key = torch.zeros(1, 1, 2, 1, 3), torch.zeros(1, 1, 2, 4, 3)
    >>> differential_weights(query, key, 0.6)
    tensor([[[[0.1000, 0.1000, 0.1000, 0.1000]]]])
    """
    q_len, kv_len = query.shape[3], key.shape[3]
    if not 1 <= q_len <= kv_len:
        raise ValueError(f"{q_len} queries cannot be the last of {kv_len} keys")
    scores = query / math.sqrt(query.shape[-1]) @ key.mT
    future = scores.new_ones(q_len, kv_len).triu(kv_len - q_len + 1).bool()
    first, second = scores.masked_fill(future, -math.inf).softmax(dim=-1).unbind(dim=2)
    return first - lambda_ * second


def lambda_init(layer: int) -> float:
    """Start value of lambda in a layer, counted from 1.

    >>> [round(lambda_init(layer), 3) for layer in (1, 2, 3, 24)]
    [0.2, 0.356, 0.471, 0.799]
    """
    if layer < 1:
        raise ValueError(f"layers count from 1, not {layer}")
    return 0.8 - 0.6 * math.exp(-0.3 * (layer - 1))


class Lambda(nn.Module):
    """The learned factor: a difference of two exponentials plus its start value.

    Examples
    --------
    >>> factor = Lambda(head_dim=16, layer=1)
    >>> factor.lambda_q.data[:] = 0.5
    >>> factor.lambda_k.data[:] = torch.tensor([[0.25], [0]])
    >>> round(factor().item(), 3), round(math.exp(2) - math.exp(0) + 0.2, 3)
    (6.589, 6.589)
    """

    def __init__(self, *, head_dim: int, layer: int) -> None:
        super().__init__()
        self.lambda_init = lambda_init(layer)
        self.lambda_q = nn.Parameter(0.1 * torch.randn(2, head_dim))
        self.lambda_k = nn.Parameter(0.1 * torch.randn(2, head_dim))

    def forward(self) -> Float[Tensor, ""]:
        first, second = (self.lambda_q * self.lambda_k).sum(dim=-1).exp()
        return first - second + self.lambda_init


class DifferentialAttention(nn.Module):
    """Projections, difference of two maps, and a norm for each head.

    Parameters
    ----------
    heads
        Half as many as an ordinary layer would have: ``head_dim`` is
        ``d_model / (2 * heads)``, values are twice as wide.
    layer
        The place of the layer in the model, counted from 1.

    Raises
    ------
    ValueError
        If ``2 * heads`` does not divide ``d_model``, or ``layer`` is less than 1.

    Examples
    --------
    >>> attention = DifferentialAttention(d_model=24, heads=2, layer=1)
    >>> attention(torch.randn(3, 5, 24)).shape
    torch.Size([3, 5, 24])
    """

    def __init__(self, *, d_model: int, heads: int, layer: int) -> None:
        super().__init__()
        if heads < 1 or d_model % (2 * heads):
            raise ValueError(f"{d_model=} is no multiple of twice {heads=}")
        head_dim = d_model // (2 * heads)
        self.heads = heads
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        self.lambda_ = Lambda(head_dim=head_dim, layer=layer)
        self.norm = nn.RMSNorm(2 * head_dim, eps=1e-5)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        # (batch, heads, 2, seq, head_dim)
        query, key = (
            project(x).unflatten(-1, (self.heads, 2, -1)).movedim(1, 3)
            for project in (self.query, self.key)
        )
        # (batch, heads, seq, value_dim)
        value = self.value(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        output = differential_weights(query, key, self.lambda_()) @ value
        output = (1 - self.lambda_.lambda_init) * self.norm(output)
        return self.out(output.transpose(1, 2).flatten(2))
