"""Tiny decoder: a small Llama whose layers read and extend a key-value cache.

Touvron et al. (2023), https://arxiv.org/abs/2307.09288; the names are those of
``LlamaForCausalLM`` in transformers

Axes::

    batch    independent sequences
    seq      tokens that go through the model in this pass
    d_model  features of a token
    vocab    tokens that there are
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from snippets.attention.grouped_query_attention import grouped_query_attention
from snippets.foundations.resource_accounting import Decoder
from snippets.positions.rope import angles, frequencies, rotate_halves


@runtime_checkable
class Cache(Protocol):
    """What a decoder needs of a cache: its length, and a way to add tokens."""

    length: int

    def update(self, key: Tensor, value: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Store keys and values of new tokens; return those of all tokens."""
        ...


class RotaryAttention(nn.Module):
    """Grouped-query attention that rotates queries and keys by their position."""

    def __init__(self, sizes: Decoder) -> None:
        super().__init__()
        self.heads, self.kv_heads = sizes.heads, sizes.kv_heads
        d_model, wide = sizes.d_model, sizes.heads * sizes.head_dim
        narrow = sizes.kv_heads * sizes.head_dim
        self.q_proj = nn.Linear(d_model, wide, bias=False)
        self.k_proj = nn.Linear(d_model, narrow, bias=False)
        self.v_proj = nn.Linear(d_model, narrow, bias=False)
        self.o_proj = nn.Linear(wide, d_model, bias=False)

    def forward(self, x, angle: Tensor, layer: int, cache: Cache | None):
        # (batch, heads, seq, head_dim)
        query = self.q_proj(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = (
            project(x).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
            for project in (self.k_proj, self.v_proj)
        )
        query, key = rotate_halves(query, angle), rotate_halves(key, angle)
        if cache is not None:
            key, value = cache.update(key, value, layer)
        mixed = grouped_query_attention(query, key, value)
        return self.o_proj(mixed.transpose(1, 2).flatten(2))


class DecoderLayer(nn.Module):
    """Attention, then a gated feed-forward network, both on normalized input."""

    def __init__(self, sizes: Decoder) -> None:
        super().__init__()
        self.self_attn = RotaryAttention(sizes)
        self.input_layernorm, self.post_attention_layernorm = (
            nn.RMSNorm(sizes.d_model, eps=1e-6) for _ in range(2)
        )
        self.gate_proj, self.up_proj = (
            nn.Linear(sizes.d_model, sizes.d_ff, bias=False) for _ in range(2)
        )
        self.down_proj = nn.Linear(sizes.d_ff, sizes.d_model, bias=False)

    def forward(self, x, angle: Tensor, layer: int, cache: Cache | None):
        x = x + self.self_attn(self.input_layernorm(x), angle, layer, cache)
        normal = self.post_attention_layernorm(x)
        return x + self.down_proj(silu(self.gate_proj(normal)) * self.up_proj(normal))


class TinyDecoder(nn.Module):
    """Embedding, layers, norm and head; ``forward`` stops before the head.

    Raises
    ------
    ValueError
        If the sizes are not those of a Llama: without biases, gated, one network.

    Examples
    --------
    >>> sizes = Decoder(layers=2, d_model=24, heads=6, kv_heads=2, head_dim=4,
    ...                 d_ff=40, vocab=11)
    >>> model = TinyDecoder(sizes)
    >>> model(torch.zeros(1, 5, dtype=torch.int64)).shape
    torch.Size([1, 5, 24])
    """

    def __init__(self, sizes: Decoder) -> None:
        super().__init__()
        odd = sizes.biases or sizes.positions or sizes.tied or sizes.experts > 1
        if odd or not sizes.gated or sizes.heads * sizes.head_dim != sizes.d_model:
            raise ValueError(f"not the shape of a Llama: {sizes}")
        self.sizes = sizes
        self.embed_tokens = nn.Embedding(sizes.vocab, sizes.d_model)
        self.layers = nn.ModuleList(DecoderLayer(sizes) for _ in range(sizes.layers))
        self.norm = nn.RMSNorm(sizes.d_model, eps=1e-6)
        self.lm_head = nn.Linear(sizes.d_model, sizes.vocab, bias=False)
        self.frequencies = frequencies(sizes.head_dim)

    def positions(self, seq: int, cache: Cache | None) -> Int[Tensor, " seq"]:
        """New tokens follow those that the cache holds."""
        start = 0 if cache is None else cache.length
        return torch.arange(start, start + seq)

    def forward(
        self, tokens: Int[Tensor, "batch seq"], cache: Cache | None = None
    ) -> Float[Tensor, "batch seq d_model"]:
        """States of the new ``tokens``; a ``cache`` is read and extended."""
        x = self.embed_tokens(tokens)
        angle = angles(self.positions(tokens.shape[1], cache), self.frequencies)
        for number, layer in enumerate(self.layers):
            x = layer(x, angle, number, cache)
        if cache is not None:
            cache.length += tokens.shape[1]
        return self.norm(x)

    def logits(
        self, tokens: Int[Tensor, "batch seq"], cache: Cache | None = None
    ) -> Float[Tensor, "batch vocab"]:
        """Logits of the token that comes next."""
        return self.lm_head(self(tokens, cache)[:, -1])
