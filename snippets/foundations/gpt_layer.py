"""A layer of GPT whose parts can be recomputed in the backward pass.

Radford et al. (2019); Korthikanti et al. (2022), https://arxiv.org/abs/2205.05198

Axes: ``x`` is ``(batch, seq, d_model)``; query, key and value are
``(batch, heads, seq, head_dim)``. The attention is not causal: a mask would change
neither the operations nor the bytes that are counted with it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu
from torch.utils.checkpoint import checkpoint


class GPTLayer(nn.Module):
    """Attention, then a feed-forward network of width ``4 * d_model``, with dropout."""

    def __init__(self, d_model: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(d_model) for _ in range(2))
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)
        self.up = nn.Linear(d_model, 4 * d_model)
        self.down = nn.Linear(4 * d_model, d_model)

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = query @ key.mT / query.shape[-1] ** 0.5
        return torch.native_dropout(scores.softmax(-1), 0.1, True)[0] @ value

    def forward(
        self, x: Float[Tensor, "batch seq d_model"], selective: bool = False
    ) -> Float[Tensor, "batch seq d_model"]:
        """With ``selective``, attention is recomputed in the backward pass."""
        parts = self.qkv(self.norms[0](x)).unflatten(-1, (3, self.heads, -1))
        qkv = parts.permute(2, 0, 3, 1, 4)
        mixed = recomputed(self.attention, *qkv) if selective else self.attention(*qkv)
        mixed = self.out(mixed.transpose(1, 2).flatten(2))
        x = x + torch.native_dropout(mixed, 0.1, True)[0]
        update = self.down(gelu(self.up(self.norms[1](x))))
        return x + torch.native_dropout(update, 0.1, True)[0]


def recomputed(run: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """``run(*inputs)``, of which only the inputs are kept for the backward pass."""
    return checkpoint(run, *inputs, use_reentrant=True)
