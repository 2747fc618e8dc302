"""KV cache: keep the keys and values of the past instead of computing them again.

Pope et al. (2022), https://arxiv.org/abs/2211.05102; ``update`` and the lists of keys
and values are named as in the caches of transformers

Symbols: L ``layers``, H ``heads``, G ``kv_heads``, d ``head_dim``, b ``itemsize``

Axes::

    batch     independent sequences
    kv_heads  key/value heads
    seq       new tokens, or tokens of the prompt
    kv_len    all tokens so far, new ones included
    head_dim  features of one head
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.attention.grouped_query_attention import cache_bytes
from snippets.foundations.resource_accounting import (
    Decoder,
    matrix_parameters,
    parameters,
)
from snippets.inference.tiny_decoder import TinyDecoder


class KVCache:
    """Memory for ``capacity`` tokens, allocated once and filled from the left.

    For inference only: gradients do not survive the writing in place.

    Raises
    ------
    ValueError
        If the capacity is zero, or too small for the new tokens, or if keys or values
        have another batch, number of heads or features than the memory.

    Examples
    --------
    >>> sizes = Decoder(layers=3, d_model=24, heads=6, kv_heads=2, head_dim=4,
    ...                 d_ff=40, vocab=11)
    >>> KVCache(sizes, batch=1, capacity=5).nbytes
    960
    """

    def __init__(
        self, sizes: Decoder, *, batch: int, capacity: int, dtype=torch.float32
    ) -> None:
        if batch < 1 or capacity < 1:
            raise ValueError(f"a cache for {batch=} and {capacity=} tokens")
        shape = sizes.layers, batch, sizes.kv_heads, capacity, sizes.head_dim
        self.keys = torch.empty(shape, dtype=dtype)
        self.values = torch.empty(shape, dtype=dtype)
        self.capacity, self.length = capacity, 0

    @property
    def nbytes(self) -> int:
        """Bytes of the memory that was allocated."""
        return self.keys.nbytes + self.values.nbytes

    def update(
        self,
        key: Float[Tensor, "batch kv_heads seq head_dim"],
        value: Float[Tensor, "batch kv_heads seq head_dim"],
        layer: int,
    ) -> tuple[
        Float[Tensor, "batch kv_heads kv_len head_dim"],
        Float[Tensor, "batch kv_heads kv_len head_dim"],
    ]:
        """Write after the ``length`` tokens that it holds; return views of all."""
        batch, kv_heads, _, head_dim = self.keys.shape[1:]
        expected = batch, kv_heads, key.shape[2], head_dim
        if key.shape != expected or value.shape != expected:  # else they are repeated
            found = tuple(key.shape), tuple(value.shape)
            raise ValueError(f"keys and values {found} in a cache for {expected}")
        end = self.length + key.shape[2]
        if end > self.capacity:
            raise ValueError(f"{end} tokens in a cache for {self.capacity}")
        self.keys[layer, :, :, self.length : end] = key
        self.values[layer, :, :, self.length : end] = value
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]


@torch.no_grad()
def generate_without_cache(
    model: TinyDecoder, prompt: Int[Tensor, "batch seq"], max_new_tokens: int
) -> Int[Tensor, "batch all_tokens"]:
    """Greedy decoding: the whole text goes through the model for each new token."""
    tokens = prompt
    for _ in range(max_new_tokens):
        best = model.logits(tokens).argmax(dim=-1, keepdim=True)
        tokens = torch.cat([tokens, best], dim=1)
    return tokens


@torch.no_grad()
def generate(
    model: TinyDecoder, prompt: Int[Tensor, "batch seq"], max_new_tokens: int
) -> Int[Tensor, "batch all_tokens"]:
    """The same tokens: the prompt goes through once, then each new token once."""
    (batch, seq), dtype = prompt.shape, model.lm_head.weight.dtype
    capacity = max(seq + max_new_tokens - 1, 1)
    cache = KVCache(model.sizes, batch=batch, capacity=capacity, dtype=dtype)
    tokens = uncached = prompt
    for _ in range(max_new_tokens):
        uncached = model.logits(uncached, cache).argmax(dim=-1, keepdim=True)
        tokens = torch.cat([tokens, uncached], dim=1)
    return tokens


def step_flops(sizes: Decoder, q_len: int, kv_len: int) -> int:
    """Operations of one pass: ``q_len`` tokens attend to ``kv_len`` keys each.

    A multiplication and an addition count as two; only the last token gets logits.

    Examples
    --------
    >>> sizes = Decoder(layers=1, d_model=2, heads=1, kv_heads=1, head_dim=2,
    ...                 d_ff=3, vocab=5)
    >>> step_flops(sizes, q_len=1, kv_len=7)  # 34 + 10 parameters, 7 keys
    144
    """
    head = sizes.vocab * sizes.d_model
    body = matrix_parameters(sizes, sizes.top_k) - head
    attention = 2 * sizes.layers * sizes.heads * sizes.head_dim * kv_len
    return 2 * ((body + attention) * q_len + head)


def bytes_per_token(sizes: Decoder, itemsize: int = 2) -> int:
    """Bytes that one token takes in the cache, over all layers.

    Examples
    --------
    >>> bytes_per_token(Decoder(layers=32, d_model=4096, heads=32, kv_heads=8,
    ...                         head_dim=128, d_ff=14336, vocab=128256))
    131072
    """
    return cache_bytes(sizes.layers, sizes.kv_heads, sizes.head_dim, 1, itemsize)


def tokens_that_fit(
    sizes: Decoder, memory: float, *, usable: float = 0.9, workspace: float = 0.0
) -> int:
    """Tokens, of all users together, whose cache fits beside the weights in 16 bits.

    Parameters
    ----------
    memory, workspace
        Bytes of the device, and bytes to set aside for activations and other buffers.
    usable
        Share of the memory that may be used at all.

    Raises
    ------
    ValueError
        If nothing is left beside the weights.
    """
    weights = 2 * parameters(sizes)
    left = memory * usable - weights - workspace
    if left <= 0:
        raise ValueError(
            f"{weights / 1e9:.1f} GB of weights leave nothing of "
            f"{memory / 1e9:.1f} GB, {usable:.0%} usable"
        )
    return math.floor(left / bytes_per_token(sizes))


def bytes_split_by_heads(sizes: Decoder, batch: int, devices: int) -> int:
    """Bytes per position on each device, if the key/value heads are divided."""
    return math.ceil(sizes.kv_heads / devices) * batch * one_head(sizes)


def bytes_split_by_batch(sizes: Decoder, batch: int, devices: int) -> int:
    """Bytes per position on each device, if the sequences are divided."""
    return math.ceil(batch / devices) * sizes.kv_heads * one_head(sizes)


def one_head(sizes: Decoder, itemsize: int = 2) -> int:
    """Bytes of a key and a value of one head, in all layers."""
    return cache_bytes(sizes.layers, 1, sizes.head_dim, 1, itemsize)
