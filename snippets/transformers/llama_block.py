"""The block of Llama: RMSNorm, rotary and grouped attention, SwiGLU; no biases.

Touvron et al. (2023), https://arxiv.org/abs/2302.13971, section 2.2
SwiGLU: Shazeer (2020), https://arxiv.org/abs/2002.05202
Names of layers are those of Llama in transformers.

Symbols of Shazeer::

    W, V, W_2    gate_proj, up_proj, down_proj
    Swish_1      silu

Axes::

    batch     independent sequences
    seq       positions
    d_model   features of a position: the width of the residual stream
    d_ff      features inside the feed-forward network
"""

from jaxtyping import Float
from torch import Tensor, arange, cat, nn
from torch.nn.functional import silu

from snippets.attention.grouped_query_attention import grouped_query_attention
from snippets.attention.multi_head_attention import merge_heads, split_heads
from snippets.positions.rope import angles, frequencies, rotate_halves


def swiglu_width(d_model: int, multiple: int = 1) -> int:
    """Width at which three matrices cost what two of width ``4 * d_model`` cost.

    It is 8 / 3 of ``d_model``, rounded up to a multiple of ``multiple``.

    Raises
    ------
    ValueError
        If an argument is below 1.

    Examples
    --------
    Llama 7B:

    >>> swiglu_width(4096, multiple=256)
    11008
    """
    if min(d_model, multiple) < 1:
        raise ValueError(f"no width for {d_model=}, {multiple=}")
    return -(-(8 * d_model // 3) // multiple) * multiple


class SwiGLU(nn.Module):
    """A feed-forward network in which one projection is the gate of another."""

    def __init__(self, d_model: int, d_ff: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(d_model, d_ff, bias=False)
        self.up_proj = nn.Linear(d_model, d_ff, bias=False)
        self.down_proj = nn.Linear(d_ff, d_model, bias=False)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        return self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))


class RotaryAttention(nn.Module):
    """Causal attention with shared key heads and rotary positions."""

    def __init__(self, d_model: int, heads: int, kv_heads: int, base: float) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads
        head_dim = d_model // heads
        self.frequencies = frequencies(head_dim, base)
        self.q_proj = nn.Linear(d_model, d_model, bias=False)
        self.k_proj = nn.Linear(d_model, kv_heads * head_dim, bias=False)
        self.v_proj = nn.Linear(d_model, kv_heads * head_dim, bias=False)
        self.o_proj = nn.Linear(d_model, d_model, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        query = split_heads(self.q_proj(x), self.heads)
        key = split_heads(self.k_proj(x), self.kv_heads)
        value = split_heads(self.v_proj(x), self.kv_heads)
        seen = cache[0].shape[2] if cache else 0
        turned = angles(arange(seen, seen + x.shape[1]), self.frequencies)
        turned = turned.to(x.device)
        query, key = rotate_halves(query, turned), rotate_halves(key, turned)
        if cache is not None:
            if cache:
                key = cat([cache[0], key], dim=2)
                value = cat([cache[1], value], dim=2)
            cache[:] = key, value
        return self.o_proj(merge_heads(grouped_query_attention(query, key, value)))


class LlamaBlock(nn.Module):
    """Two residual updates, as in GPT-2, with each part exchanged.

    Parameters
    ----------
    base
        Of the rotary frequencies.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``d_model`` into even parts, or ``kv_heads`` does
        not divide ``heads``.
    """

    def __init__(
        self,
        *,
        d_model: int,
        heads: int,
        kv_heads: int,
        d_ff: int,
        eps: float = 1e-6,
        base: float = 10000.0,
    ) -> None:
        super().__init__()
        sizes = min(d_model, heads, kv_heads, d_ff)
        if sizes < 1 or d_model % heads or heads % kv_heads:
            sizes = f"{d_model=}, {heads=}, {kv_heads=}, {d_ff=}"
            raise ValueError(f"sizes do not fit: {sizes}")
        self.input_layernorm = nn.RMSNorm(d_model, eps)
        self.self_attn = RotaryAttention(d_model, heads, kv_heads, base)
        self.post_attention_layernorm = nn.RMSNorm(d_model, eps)
        self.mlp = SwiGLU(d_model, d_ff)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        cache: list[Tensor] | None = None,
    ) -> Float[Tensor, "batch seq d_model"]:
        """Update the stream ``x``; ``cache`` as in :class:`.GPT2Block`."""
        x = x + self.self_attn(self.input_layernorm(x), cache)
        return x + self.mlp(self.post_attention_layernorm(x))
