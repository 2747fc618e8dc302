"""Engram: memory that is looked up by the last tokens, and gated by the hidden state.

Cheng et al. (2026), https://arxiv.org/abs/2601.07372, sections 2.2 and 2.3. The signed
root is that of the authors' demo, https://github.com/deepseek-ai/Engram. Names of
layers are those of the n-gram layer of Qwen4-Exp in transformers.

Symbols::

    E_{n,k}    table, from offsets on    e_t        memory
    W_K, W_V   key_proj, value_proj      alpha_t    sigmoid(score)
    w, delta   kernel_size, max_ngram    h_t        hidden

Axes::

    batch     independent sequences
    seq       positions
    features  of a position
    lookups   rows that a position reads: orders of n-grams times heads
    head_dim  numbers in a row of a table
    d_mem     numbers in all these rows: ``lookups * head_dim``
    d_model   features of a position: the width of the residual stream
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from snippets.attention.stabilized_attention import rms_norm
from snippets.transformers.ngram_hashing import (
    draw_multipliers,
    ngram_rows,
    primes_from,
)


def causal_convolution(
    x: Float[Tensor, "batch seq features"],
    weight: Float[Tensor, "features kernel"],
    dilation: int,
) -> Float[Tensor, "batch seq features"]:
    """Weigh a position and earlier ones, ``dilation`` apart; each feature by itself.

    The last weight is that of the position. Before the start of ``x`` there are zeros.

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 4, 1)
    >>> causal_convolution(x, torch.tensor([[10.0, 1.0]]), dilation=2).flatten()
    tensor([ 1.,  2., 13., 24.])
    """
    if dilation < 1:
        raise ValueError(f"dilation={dilation} is below 1")
    length, last = x.shape[1], weight.shape[1] - 1
    shifted = (
        pad(x, (0, 0, dilation * (last - j), 0))[:, :length] * weight[:, j]
        for j in range(last + 1)
    )
    return sum(shifted, torch.zeros_like(x))


class Engram(nn.Module):
    """Rows of hashed n-grams, as an update of the residual stream.

    Parameters
    ----------
    rows
        Least number of rows in a table. The sizes are different primes.
    padding
        Token that stands before the first.
    """

    def __init__(
        self,
        *,
        vocab: int,
        rows: int,
        heads: int,
        head_dim: int,
        d_model: int,
        max_ngram: int = 3,
        kernel_size: int = 4,
        padding: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if min(heads, head_dim, d_model, kernel_size) < 1:
            raise ValueError(
                f"nothing to do for {heads=}, {head_dim=}, {d_model=}, {kernel_size=}"
            )
        if not 0 <= padding < vocab:
            raise ValueError(f"{padding=} is not one of {vocab} tokens")
        self.padding, self.vocab, self.max_ngram = padding, vocab, max_ngram
        multipliers = draw_multipliers(vocab, max_ngram, seed)
        primes = torch.tensor(primes_from(rows, (max_ngram - 1) * heads))
        self.register_buffer("multipliers", multipliers)
        self.register_buffer("moduli", primes.view(-1, heads))
        self.register_buffer("offsets", primes.cumsum(0) - primes)
        self.table = nn.Embedding(int(primes.sum()), head_dim)
        d_mem = len(primes) * head_dim
        self.key_proj = nn.Linear(d_mem, d_model, bias=False)
        self.value_proj = nn.Linear(d_mem, d_model, bias=False)
        self.norm_query = nn.Parameter(torch.ones(d_model))
        self.norm_key = nn.Parameter(torch.ones(d_model))
        self.norm_conv = nn.Parameter(torch.ones(d_model))
        self.conv = nn.Parameter(torch.zeros(d_model, kernel_size))

    def rows(
        self, tokens: Int[Tensor, "batch seq"]
    ) -> Int[Tensor, "batch seq lookups"]:
        """Rows of the table that each position reads: they depend on tokens alone."""
        if tokens.numel() and tokens.max() >= self.vocab:
            raise ValueError(f"token {tokens.max()} is not below {self.vocab}")
        found = ngram_rows(tokens, self.multipliers, self.moduli, self.padding)
        return found.flatten(2) + self.offsets

    def score(
        self,
        hidden: Float[Tensor, "batch seq d_model"],
        memory: Float[Tensor, "batch seq d_mem"],
    ) -> Float[Tensor, "batch seq 1"]:
        """How well the memory fits the hidden state."""
        query = rms_norm(hidden, self.norm_query)
        key = rms_norm(self.key_proj(memory), self.norm_key)
        return (query * key).sum(dim=-1, keepdim=True) / math.sqrt(key.shape[-1])

    def fuse(
        self,
        hidden: Float[Tensor, "batch seq d_model"],
        memory: Float[Tensor, "batch seq d_mem"],
    ) -> Float[Tensor, "batch seq d_model"]:
        """Update of the residual stream, from rows that were already read."""
        value = self.score(hidden, memory).sigmoid() * self.value_proj(memory)
        normed = rms_norm(value, self.norm_conv)
        return value + silu(causal_convolution(normed, self.conv, self.max_ngram))

    def forward(
        self,
        hidden: Float[Tensor, "batch seq d_model"],
        tokens: Int[Tensor, "batch seq"],
    ) -> Float[Tensor, "batch seq d_model"]:
        return self.fuse(hidden, self.table(self.rows(tokens)).flatten(2))


class SignedRootEngram(Engram):
    """The gate of the demo and of Qwen4-Exp: the root of the score, with its sign."""

    def score(
        self,
        hidden: Float[Tensor, "batch seq d_model"],
        memory: Float[Tensor, "batch seq d_mem"],
    ) -> Float[Tensor, "batch seq 1"]:
        score = super().score(hidden, memory)
        return score.sign() * score.abs().clamp_min(1e-6).sqrt()
