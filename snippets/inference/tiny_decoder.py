"""A small decoder in the shape of Llama, whose layers read and extend a cache.

Touvron et al. (2023), https://arxiv.org/abs/2307.09288

Axes::

    batch    independent sequences
    seq      tokens that go through the model now
    d_model  features of a token
    vocab    tokens that there are
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import silu

from snippets.attention.grouped_query_attention import (
    GroupedQueryAttention,
    grouped_query_attention,
)
from snippets.foundations.resource_accounting import Decoder
from snippets.positions.rope import angles, frequencies, rotate_halves


@runtime_checkable
class Cache(Protocol):
    """What a decoder asks of a cache: how many tokens it holds, and to hold more."""

    length: int

    def extend(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Store keys and values of new tokens; return those of all tokens."""
        ...


class RotaryAttention(GroupedQueryAttention):
    """Grouped-query attention that turns queries and keys, and caches turned keys."""

    def forward(self, x, turn: Tensor, layer: int, cache: Cache | None):
        # (batch, heads, seq, head_dim)
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key, value = (
            project(x).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
            for project in (self.key, self.value)
        )
        query, key = rotate_halves(query, turn), rotate_halves(key, turn)
        if cache is not None:
            key, value = cache.extend(layer, key, value)
        mixed = grouped_query_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then a gated feed-forward network, both on normalized input."""

    def __init__(self, sizes: Decoder) -> None:
        super().__init__()
        self.attention = RotaryAttention(
            d_model=sizes.d_model, heads=sizes.heads, kv_heads=sizes.kv_heads
        )
        self.before, self.between = (
            nn.RMSNorm(sizes.d_model, eps=1e-6) for _ in range(2)
        )
        self.gate, self.up = (
            nn.Linear(sizes.d_model, sizes.d_ff, bias=False) for _ in range(2)
        )
        self.down = nn.Linear(sizes.d_ff, sizes.d_model, bias=False)

    def forward(self, x, turn: Tensor, layer: int, cache: Cache | None):
        x = x + self.attention(self.before(x), turn, layer, cache)
        normal = self.between(x)
        return x + self.down(silu(self.gate(normal)) * self.up(normal))


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
        self.embedding = nn.Embedding(sizes.vocab, sizes.d_model)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.RMSNorm(sizes.d_model, eps=1e-6)
        self.head = nn.Linear(sizes.d_model, sizes.vocab, bias=False)
        self.frequencies = frequencies(sizes.head_dim)

    def positions(self, seq: int, cache: Cache | None) -> Int[Tensor, " seq"]:
        """New tokens stand behind those that the cache holds."""
        start = 0 if cache is None else cache.length
        return torch.arange(start, start + seq)

    def forward(
        self, tokens: Int[Tensor, "batch seq"], cache: Cache | None = None
    ) -> Float[Tensor, "batch seq d_model"]:
        """States of the new ``tokens``; a ``cache`` is read and extended."""
        x = self.embedding(tokens)
        turn = angles(self.positions(tokens.shape[1], cache), self.frequencies)
        for number, layer in enumerate(self.layers):
            x = layer(x, turn, number, cache)
        if cache is not None:
            cache.length += tokens.shape[1]
        return self.norm(x)

    def logits(
        self, tokens: Int[Tensor, "batch seq"], cache: Cache | None = None
    ) -> Float[Tensor, "batch vocab"]:
        """Scores of the token that comes next."""
        return self.head(self(tokens, cache)[:, -1])
