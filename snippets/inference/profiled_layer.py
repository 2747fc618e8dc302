"""The layer whose steps are profiled: grouped-query attention, then a network.

Axes::

    batch    independent sequences, decoded together
    seq      tokens that go through the layer at once
    d_model  features of a token
    d_ff     inner width of the feed-forward network
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu

from snippets.attention.grouped_query_attention import GroupedQueryAttention


class Layer(nn.Module):
    """One layer of a decoder, without norms: attention, then a network."""

    def __init__(self, *, d_model: int, heads: int, kv_heads: int, d_ff: int) -> None:
        super().__init__()
        self.mix = GroupedQueryAttention(
            d_model=d_model, heads=heads, kv_heads=kv_heads
        )
        self.up = nn.Linear(d_model, d_ff, bias=False)
        self.down = nn.Linear(d_ff, d_model, bias=False)

    def forward(
        self, x: Float[Tensor, "batch seq d_model"], cache: list[Tensor]
    ) -> Float[Tensor, "batch seq d_model"]:
        x = x + self.mix(x, cache)
        return x + self.down(gelu(self.up(x)))


def linear_step(
    weight: Float[Tensor, "out_features in_features"], rows: int
) -> Callable[[], Tensor]:
    """Pass ``rows`` random inputs through a linear layer, into prepared memory."""
    x, out = torch.randn(rows, weight.shape[1]), torch.empty(rows, weight.shape[0])
    return lambda: torch.mm(x, weight.T, out=out)


def two_steps() -> dict[str, Callable[[], Tensor]]:
    """Prefill of 128 tokens; decoding of one token, with 4095 others in the cache."""
    layer = Layer(d_model=1024, heads=16, kv_heads=4, d_ff=4096).requires_grad_(False)
    prompt, token = torch.randn(1, 128, 1024), torch.randn(1, 1, 1024)
    cache = [torch.randn(1, 4, 4095, 64) for _ in range(2)]
    return {
        "prefill": lambda: layer(prompt, []),
        "decode": lambda: layer(token, list(cache)),
    }
