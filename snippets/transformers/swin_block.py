"""A block of the Swin transformer: attention inside windows, with relative positions.

Liu et al. (2021), https://arxiv.org/abs/2103.14030, section 3.2, equations 3 and 4.

Symbols of the paper -> names here::

    M        window_size
    d        head_dim, the features of a query
    B hat    relative_position_bias_table, one column for each head
    B        output of RelativePositionBias
    W-MSA    attention of a Block without a shift
    SW-MSA   attention of a Block with a shift

Parameters have the names of ``SwinLayer`` in transformers 5.

Axes::

    batch     independent images (any number of leading axes)
    height, width  tokens of a feature map
    windows   windows of a feature map
    tokens    tokens of a window, row by row: ``window_size**2``
    heads     attention heads
    d_model   features of a token
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.attention.multi_head_attention import merge_heads, split_heads
from snippets.transformers.shifted_windows import (
    shift_mask,
    window_partition,
    window_reverse,
)
from snippets.transformers.vit_layer import MLP, Attention


def relative_position_index(window_size: int) -> Int[Tensor, "tokens tokens"]:
    """Row of the bias table for each pair of query and key in a window.

    Examples
    --------
    Equal differences of rows and of columns share a row of the table:

    >>> relative_position_index(2)
    tensor([[4, 3, 1, 0],
            [5, 4, 2, 1],
            [7, 6, 4, 3],
            [8, 7, 5, 4]])
    """
    side = torch.arange(window_size)
    row, column = side.repeat_interleave(window_size), side.repeat(window_size)
    down, right = (place[:, None] - place for place in (row, column))
    return (down + window_size - 1) * (2 * window_size - 1) + right + window_size - 1


class RelativePositionBias(nn.Module):
    """One number for each head and each difference of two places in a window."""

    def __init__(self, window_size: int, heads: int) -> None:
        super().__init__()
        table = torch.zeros((2 * window_size - 1) ** 2, heads)
        self.relative_position_bias_table = nn.Parameter(table)
        index = relative_position_index(window_size)
        self.register_buffer("index", index, persistent=False)

    def forward(self) -> Float[Tensor, "heads tokens tokens"]:
        return self.relative_position_bias_table[self.index].movedim(-1, 0)


class WindowAttention(Attention):
    """Multi-head attention inside each window, with a bias for relative positions."""

    def __init__(self, d_model: int, heads: int, window_size: int) -> None:
        super().__init__(d_model, heads)
        self.relative_position_bias = RelativePositionBias(window_size, heads)

    def forward(
        self,
        x: Float[Tensor, "*batch windows tokens d_model"],
        allowed: Bool[Tensor, "windows tokens tokens"] | None = None,
    ) -> Float[Tensor, "*batch windows tokens d_model"]:
        parts = (self.q_proj, self.k_proj, self.v_proj)
        query, key, value = (split_heads(part(x), self.heads) for part in parts)
        scores = query / math.sqrt(query.shape[-1]) @ key.mT
        scores = scores + self.relative_position_bias()
        if allowed is not None:  # one mask for all heads of a window
            scores = scores.masked_fill(~allowed[:, None], -math.inf)
        return self.o_proj(merge_heads(scores.softmax(dim=-1) @ value))


class Block(nn.Module):
    """A pre-norm transformer block with attention inside windows.

    Raises
    ------
    ValueError
        If the shift is not within a window, or if windows do not fill the input.
    """

    def __init__(
        self, d_model: int, heads: int, d_ff: int, window_size: int, shift: int
    ) -> None:
        super().__init__()
        if not 0 <= shift < window_size:
            raise ValueError(f"{shift=} must be at least 0 and below {window_size=}")
        self.window_size, self.shift = window_size, shift
        self.layernorm_before = nn.LayerNorm(d_model)
        self.attention = WindowAttention(d_model, heads, window_size)
        self.layernorm_after = nn.LayerNorm(d_model)
        self.mlp = MLP(d_model, d_ff)

    def attend(
        self, x: Float[Tensor, "*batch height width d_model"]
    ) -> Float[Tensor, "*batch height width d_model"]:
        height, width = x.shape[-3:-1]
        if self.shift == 0 or min(height, width) == self.window_size:
            windows = window_partition(x, self.window_size)
            return window_reverse(self.attention(windows), height, width)
        x = x.roll((-self.shift, -self.shift), dims=(-3, -2))
        windows = window_partition(x, self.window_size)
        allowed = shift_mask(height, width, self.window_size, self.shift)
        windows = self.attention(windows, allowed.to(x.device))
        x = window_reverse(windows, height, width)
        return x.roll((self.shift, self.shift), dims=(-3, -2))

    def forward(
        self, x: Float[Tensor, "*batch height width d_model"]
    ) -> Float[Tensor, "*batch height width d_model"]:
        x = x + self.attend(self.layernorm_before(x))
        return x + self.mlp(self.layernorm_after(x))
