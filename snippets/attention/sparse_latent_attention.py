"""Latent attention with a lightning indexer: the layer of DeepSeek-V3.2.

DeepSeek-AI (2025), https://arxiv.org/abs/2512.02556. Layers are called as in the
released code: ``wq_b``, ``wk``, ``k_norm`` and ``weights_proj`` make the queries, the
key and the head weights of the indexer. The axes are those of
:mod:`snippets.attention.sparse_attention` and of
:mod:`snippets.attention.multi_head_latent_attention`.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.attention.multi_head_latent_attention import (
    MultiHeadLatentAttention,
    causal_weights,
    scale,
)
from snippets.attention.sparse_attention import (
    index_loss,
    index_scores,
    read,
    select,
    sparse_weights,
)
from snippets.positions.rope import angles, frequencies, rotate_halves


class LightningIndexer(nn.Module):
    """Queries of a few narrow heads, one key for all of them, and head weights.

    Raises
    ------
    ValueError
        If more features are to be rotated than there are.
    """

    def __init__(
        self,
        *,
        d_model: int,
        query_dim: int,
        rope_dim: int,
        index_heads: int,
        index_dim: int,
    ) -> None:
        super().__init__()
        if rope_dim > index_dim:
            raise ValueError(f"cannot rotate {rope_dim=} of {index_dim=} features")
        self.heads, self.frequencies = index_heads, frequencies(rope_dim)
        self.split = [rope_dim, index_dim - rope_dim]
        self.scale = (index_dim * index_heads) ** -0.5
        self.wq_b = nn.Linear(query_dim, index_heads * index_dim, bias=False)
        self.wk = nn.Linear(d_model, index_dim, bias=False)
        self.k_norm = nn.LayerNorm(index_dim, eps=1e-6)
        self.weights_proj = nn.Linear(d_model, index_heads, bias=False)

    def forward(
        self,
        x: Float[Tensor, "batch seq d_model"],
        query_latent: Float[Tensor, "batch seq query_dim"],
    ) -> Float[Tensor, "batch seq seq"]:
        """Scores of all pairs of positions."""
        query = self.wq_b(query_latent)
        # (batch, index_heads, seq, index_dim)
        query = query.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        query, key = self.rotate(query), self.rotate(self.k_norm(self.wk(x)))
        return index_scores(self.scale * query, key, self.weights_proj(x))

    def rotate(
        self, x: Float[Tensor, "*batch seq index_dim"]
    ) -> Float[Tensor, "*batch seq index_dim"]:
        """Apply RoPE to the first features; their two halves are the pairs."""
        first, rest = x.split(self.split, dim=-1)
        turns = angles(torch.arange(x.shape[-2]), self.frequencies).to(x.device)
        return torch.cat([rotate_halves(first, turns), rest], dim=-1)


class Mixed(NamedTuple):
    """Output of the layer, and what its heads gave to the selected keys."""

    out: Float[Tensor, "batch seq d_model"]
    weights: Float[Tensor, "batch heads seq top_k"]


class Output(NamedTuple):
    """Output of the layer, and the loss that trains its indexer."""

    out: Float[Tensor, "batch seq d_model"]
    index_loss: Float[Tensor, ""]


class SparseLatentAttention(nn.Module):
    """Multi-head latent attention (``mla``) to what its ``indexer`` selects.

    Parameters
    ----------
    top_k
        Keys that each query reads.
    sizes
        As in multi-head latent attention.
    """

    def __init__(
        self, *, top_k: int, index_heads: int, index_dim: int, **sizes: int
    ) -> None:
        super().__init__()
        self.top_k, self.mla = top_k, MultiHeadLatentAttention(**sizes)
        self.indexer = LightningIndexer(
            **{name: sizes[name] for name in ("d_model", "query_dim", "rope_dim")},
            index_heads=index_heads,
            index_dim=index_dim,
        )

    def forward(self, x: Float[Tensor, "batch seq d_model"]) -> Output:
        scores = self.index(x)
        index = select(scores, self.top_k)
        out, weights = self.attend(x, index)
        return Output(out, index_loss(scores.gather(-1, index), weights))

    def index(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq seq"]:
        """Index scores; no gradient leaves the indexer."""
        query_latent = self.mla.q_a_layernorm(self.mla.q_a_proj(x))
        return self.indexer(x.detach(), query_latent.detach())

    def attend(
        self,
        x: Float[Tensor, "batch seq d_model"],
        index: Int[Tensor, "batch seq top_k"],
    ) -> Mixed:
        """Absorbed attention to the keys of ``index``."""
        parts = self.mla.parts(x)
        q_latent = torch.einsum("bhqn,hnc->bhqc", parts.q_nope, parts.w_uk)
        query = torch.cat([q_latent, parts.q_rope], dim=-1)
        key = torch.cat([parts.latent, parts.k_rope], dim=-1)
        root = sum(self.mla.query_parts) ** -0.5
        weights = sparse_weights(query, key, index, root)
        mixed = read(weights, parts.latent, index)
        out = torch.einsum("bhqc,hvc->bqhv", mixed, parts.w_uv)
        return Mixed(self.mla.o_proj(out.flatten(2)), weights)

    @torch.no_grad()
    def dense_weights(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch heads seq seq"]:
        """Attention to all keys, which the indexer learns from in the warm-up."""
        parts = self.mla.parts(x)
        q_nope, q_rope = scale(parts.q_nope, parts.q_rope)
        q_latent = torch.einsum("bhqn,hnc->bhqc", q_nope, parts.w_uk)
        scores = torch.einsum("bhqc,blc->bhql", q_latent, parts.latent)
        return causal_weights(scores, q_rope, parts.k_rope)
