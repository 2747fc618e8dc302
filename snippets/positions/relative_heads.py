"""Attention heads with trained relative positions, for the forecasters of the weather.

T5's bias and Shaw's tables as modules that own their parameters. The methods are in
:mod:`snippets.positions.relative_positions`, the forecasters and their attention in
:mod:`snippets.positions.weather_reports`.

Axes::

    batch    independent sequences
    days     reports of a sequence
    d_model  features of the only head
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.positions.relative_positions import offsets, shaw_attention, t5_bucket
from snippets.positions.weather_reports import causal_attention

Tokens = Float[Tensor, "batch days d_model"]


class T5Head(nn.Module):
    """Causal attention with T5's bias: 32 trained numbers, zero at first.

    Parameters
    ----------
    max_distance
        Distance up to which the buckets get wider; the last one has all from there on.
    max_days
        Length of the longest text. The buckets of all distances are a buffer, so that
        heads of different ``max_distance`` can be trained side by side.
    """

    def __init__(self, max_distance: int = 128, max_days: int = 128) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(32, 1))
        buckets = t5_bucket(
            offsets(max_days, max_days), causal=True, max_distance=max_distance
        )
        self.register_buffer("buckets", buckets)

    def forward(self, query: Tokens, key: Tokens, value: Tokens) -> Tokens:
        days = query.shape[1]
        bias = self.table[self.buckets[:days, :days], 0]
        return causal_attention(query, key, value, bias)


class ShawHead(nn.Module):
    """Causal attention with Shaw's two tables of ``2 reach + 1`` rows."""

    def __init__(self, *, reach: int, d_model: int) -> None:
        super().__init__()
        self.keys, self.values = (
            nn.Parameter(0.02 * torch.randn(2 * reach + 1, d_model)) for _ in range(2)
        )

    def forward(self, query: Tokens, key: Tokens, value: Tokens) -> Tokens:
        heads = (x[:, None] for x in (query, key, value))
        return shaw_attention(*heads, self.keys, self.values, causal=True)[:, 0]
