"""The block of GPT-2 (pre-norm), and the same parts in the original order (post-norm).

Post-norm: Vaswani et al. (2017), https://arxiv.org/abs/1706.03762
Pre-norm and the scaled start: Radford et al. (2019), *Language Models are Unsupervised
Multitask Learners*, section 2.3. Names of layers are those of GPT-2's code.

Symbols::

    Attn, MLP   attn, mlp         W_1, W_2  mlp.c_fc, mlp.c_proj
    LN          ln_1, ln_2        L         layers

Axes::

    batch     independent sequences
    seq       positions
    d_model   features of a position: the width of the residual stream
    d_ff      features inside the feed-forward network; ``4 * d_model``
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from snippets.attention.grouped_query_attention import grouped_query_attention
from snippets.attention.multi_head_attention import merge_heads, split_heads


def gelu_tanh(x: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Approximate x times the probability that a standard normal is below x.

    Examples
    --------
    >>> gelu_tanh(torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0]))
    tensor([-0.0036, -0.1588,  0.0000,  0.8412,  2.9964])
    """
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class CausalSelfAttention(nn.Module):
    """Multi-head attention to this position and earlier ones, with biases."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(d_model, 3 * d_model)  # query, key and value
        self.c_proj = nn.Linear(d_model, d_model)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        parts = self.c_attn(x).chunk(3, dim=-1)
        query, key, value = (split_heads(part, self.heads) for part in parts)
        if cache is not None:
            if cache:
                key = torch.cat([cache[0], key], dim=2)
                value = torch.cat([cache[1], value], dim=2)
            cache[:] = key, value
        return self.c_proj(merge_heads(grouped_query_attention(query, key, value)))


class MLP(nn.Module):
    """The feed-forward network: widen, bend, narrow; each position by itself.

    ``gelu`` is the fused form of :func:`gelu_tanh`.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.c_fc = nn.Linear(d_model, 4 * d_model)
        self.c_proj = nn.Linear(4 * d_model, d_model)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        return self.c_proj(gelu(self.c_fc(x), approximate="tanh"))


class GPT2Block(nn.Module):
    """Two residual updates, of attention and of a feed-forward network.

    ``nn.LayerNorm`` is the fused form of :func:`.normalization.layer_norm`.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``d_model``.

    Examples
    --------
    >>> block = GPT2Block(d_model=768, heads=12)
    >>> sum(weight.numel() for weight in block.parameters())
    7087872
    """

    def __init__(self, *, d_model: int, heads: int) -> None:
        super().__init__()
        if min(d_model, heads) < 1 or d_model % heads:
            raise ValueError(f"{d_model} features cannot be split into {heads} heads")
        self.ln_1 = nn.LayerNorm(d_model)
        self.attn = CausalSelfAttention(d_model, heads)
        self.ln_2 = nn.LayerNorm(d_model)
        self.mlp = MLP(d_model)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Update the stream ``x``; pre-norm: the stream itself is never normalized.

        ``cache`` (a list, empty at first) is extended in place by the keys and values
        of ``x``, which then continues the positions that the cache holds.
        """
        x = x + self.attn(self.ln_1(x), cache)
        return x + self.mlp(self.ln_2(x))


class PostNormBlock(GPT2Block):
    """The same layers in the order of the first Transformer."""

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Normalize each sum; post-norm: the stream passes through every norm."""
        x = self.ln_1(x + self.attn(x, cache))
        return self.ln_2(x + self.mlp(x))


@torch.no_grad()
def initialize(block: GPT2Block, layers: int, std: float = 0.02) -> None:
    """Draw weights as GPT-2 does: the 2 * layers updates begin smaller.

    All weights have the standard deviation ``std``, but those that write into the
    stream have ``std / sqrt(2 * layers)``. Biases begin at 0, norms as the identity.

    Raises
    ------
    ValueError
        If ``layers`` is below 1 or ``std`` negative.
    """
    if layers < 1 or not std >= 0:
        raise ValueError(f"no start for {layers=}, {std=}")
    for name, weight in block.named_parameters():
        if name.startswith("ln_"):
            weight.fill_(name.endswith("weight"))
        elif name.endswith("bias"):
            weight.zero_()
        else:
            written = name.endswith("c_proj.weight")
            weight.normal_(0, std / math.sqrt(2 * layers) if written else std)
