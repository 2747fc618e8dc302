"""Cached model: a decoder with a KV cache that can be asked about any text.

Leviathan, Kalman and Matias (2023), https://arxiv.org/abs/2211.17192

Axes::

    seq    tokens of a text
    last   positions at its end
    vocab  tokens that there are
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.inference.kv_cache import KVCache
from snippets.inference.tiny_decoder import TinyDecoder


class CachedModel:
    """A decoder that returns the probabilities after the last tokens of any text.

    The cache is cut back to the beginning that the text shares with the previous text,
    so the keys of rejected guesses are forgotten. ``passes`` counts the passes.
    """

    def __init__(self, model: TinyDecoder, capacity: int) -> None:
        self.model, self.passes = model, 0
        self.cache = KVCache(model.sizes, batch=1, capacity=capacity)
        self.text = torch.empty(0, dtype=torch.int64)

    @torch.no_grad()
    def __call__(
        self, text: Int[Tensor, " seq"], last: int
    ) -> Float[Tensor, "last vocab"]:
        both = min(len(text), self.cache.length)
        same = int((text[:both] == self.text[:both]).cumprod(0).sum())
        self.cache.length = min(same, len(text) - last)  # the rest is forgotten
        states = self.model(text[None, self.cache.length :], self.cache)
        self.text, self.passes = text, self.passes + 1
        return self.model.lm_head(states[0, -last:]).softmax(dim=-1)
