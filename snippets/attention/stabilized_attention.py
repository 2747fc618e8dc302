"""Stabilized attention: QK-norm, soft-capping, attention sinks, and an output gate.

QK-norm: Henry et al. (2020), https://arxiv.org/abs/2010.04245, and Dehghani et al.
(2023), https://arxiv.org/abs/2302.05442, section 2; with RMSNorm per head as in Qwen3.
Soft-capping: Gemma Team (2024), https://arxiv.org/abs/2408.00118, section 2.
Sink: gpt-oss model card (2025), https://arxiv.org/abs/2508.10925, section 2.2.
Gate: Qiu et al. (2025), https://arxiv.org/abs/2505.06708, section 2.2, position G1.

Symbols of the page::

    gamma_q, gamma_k  query_norm, key_norm (learned, one number a feature)
    c                 cap
    b_h               sinks[h]
    W^G               gate

Axes::

    batch     independent sequences (any number of leading axes)
    heads     attention heads; divides ``d_model``
    seq       positions; ``q_len`` with a query, ``kv_len`` with a key and a value
    features  of a vector that is normalized
    head_dim  features of one head: ``d_model / heads``
    d_model   features of a position
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from snippets.attention.multi_head_attention import merge_heads, split_heads


def widened(x: Tensor, eps: float) -> Tensor:
    """``x`` in at least 32 bits: squares above 65504 overflow in 16.

    Raises
    ------
    ValueError
        If ``x`` holds integers or ``eps`` is negative.
    """
    if not x.is_floating_point():
        raise ValueError(f"{x.dtype} would round the normalized values to integers")
    if not eps >= 0:
        raise ValueError(f"eps must not be negative: {eps}")
    return x.to(torch.promote_types(x.dtype, torch.float32))


def rms_norm(
    x: Float[Tensor, "*batch features"],
    weight: Float[Tensor, " features"],
    eps: float = 1e-6,
) -> Float[Tensor, "*batch features"]:
    """Divide each vector by its root mean square, then scale each feature.

    Raises
    ------
    ValueError
        If ``x`` holds integers or ``eps`` is negative.

    Examples
    --------
    >>> rms_norm(torch.tensor([3.0, 4.0]), torch.ones(2)).square().sum()
    tensor(2.0000)
    """
    wide = widened(x, eps)
    scale = (wide.square().mean(dim=-1, keepdim=True) + eps).rsqrt()
    return weight * (wide * scale).to(x.dtype)


def soft_cap(
    scores: Float[Tensor, "*batch q_len kv_len"], cap: float
) -> Float[Tensor, "*batch q_len kv_len"]:
    """Bend the scores smoothly, so that all stay between -cap and cap.

    Raises
    ------
    ValueError
        If ``cap`` is not positive. At zero, all scores would be NaN.

    Examples
    --------
    >>> soft_cap(torch.tensor([[1.0, 50.0, 5000.0]]), cap=50.0)
    tensor([[ 0.9999, 38.0797, 50.0000]])
    """
    if not cap > 0:
        raise ValueError(f"cap must be positive, not {cap}")
    return scores if math.isinf(cap) else cap * (scores / cap).tanh()


def sink_softmax(
    scores: Float[Tensor, "*batch heads q_len kv_len"],
    sinks: Float[Tensor, " heads"],
    allowed: Bool[Tensor, "*#batch q_len kv_len"] | None = None,
) -> Float[Tensor, "*batch heads q_len kv_len"]:
    """Softmax over the scores and one more score per head, which has no value.

    The weights of a query sum to less than one. A sink of 0 adds 1 to the
    denominator; a sink of minus infinity gives the usual softmax.

    Examples
    --------
    Two keys and the sink have equal scores, so each gets a third:

    >>> sink_softmax(torch.zeros(1, 1, 2), torch.zeros(1))
    tensor([[[0.3333, 0.3333]]])
    """
    sink = sinks[:, None, None].to(scores.dtype).expand(*scores.shape[:-1], 1)
    if allowed is None:
        return torch.cat([scores, sink], dim=-1).softmax(dim=-1)[..., :-1]
    blocked = ~allowed.unsqueeze(-3).to(scores.device)  # the same for all heads
    lowest = torch.finfo(scores.dtype).min
    scores = scores.masked_fill(blocked, lowest)
    weights = torch.cat([scores, sink], dim=-1).softmax(dim=-1)[..., :-1]
    return weights.masked_fill(blocked, 0)


class StabilizedAttention(nn.Module):
    """Self-attention of several heads, with any of the four remedies.

    Parameters
    ----------
    qk_norm
        Whether queries and keys are normalized, each head by itself.
    cap
        Bound of the scores; infinity leaves them as they are.
    sinks
        Value at which the sink of each head starts; it is trained if ``learn_sinks``.
        Minus infinity is the usual softmax, and a fixed 0 is softmax-off-by-one.
    gated
        Whether a sigmoid of a projection of the input scales each feature.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``d_model``, ``cap`` is not positive, or sinks are
        to be learned from an infinite start, where their gradient is zero.
    """

    def __init__(
        self,
        *,
        d_model: int,
        heads: int,
        qk_norm: bool = False,
        cap: float = math.inf,
        sinks: float = -math.inf,
        learn_sinks: bool = False,
        gated: bool = False,
    ) -> None:
        super().__init__()
        if heads < 1 or d_model % heads:
            message = f"{d_model} features cannot be split into {heads} heads"
            raise ValueError(message)
        if not cap > 0:
            raise ValueError(f"cap must be positive, not {cap}")
        if learn_sinks and not math.isfinite(sinks):
            raise ValueError(f"sinks cannot be learned from a start of {sinks}")
        self.heads, self.cap = heads, cap
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.key = nn.Linear(d_model, d_model, bias=False)
        self.value = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        ones = torch.ones(d_model // heads)
        self.query_norm = nn.Parameter(ones.clone()) if qk_norm else None
        self.key_norm = nn.Parameter(ones.clone()) if qk_norm else None
        initial = torch.full((heads,), float(sinks))
        self.sinks = nn.Parameter(initial, requires_grad=learn_sinks)
        self.gate = nn.Linear(d_model, d_model, bias=False) if gated else None

    def scores(
        self, x: Float[Tensor, "*batch seq d_model"]
    ) -> Float[Tensor, "*batch heads seq seq"]:
        """Scores of all pairs, normalized and capped."""
        query = split_heads(self.query(x), self.heads)
        key = split_heads(self.key(x), self.heads)
        if self.query_norm is not None:
            query = rms_norm(query, self.query_norm)
            key = rms_norm(key, self.key_norm)
        return soft_cap(query / math.sqrt(query.shape[-1]) @ key.mT, self.cap)

    def weights(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        allowed: Bool[Tensor, "*#batch seq seq"] | None = None,
    ) -> Float[Tensor, "*batch heads seq seq"]:
        return sink_softmax(self.scores(x), self.sinks, allowed)

    def forward(
        self,
        x: Float[Tensor, "*batch seq d_model"],
        allowed: Bool[Tensor, "*#batch seq seq"] | None = None,
    ) -> Float[Tensor, "*batch seq d_model"]:
        value = split_heads(self.value(x), self.heads)
        mixed = merge_heads(self.weights(x, allowed) @ value)
        if self.gate is not None:
            mixed = mixed * self.gate(x).sigmoid()
        return self.out(mixed)
