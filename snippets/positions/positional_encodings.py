"""Positional encodings compared: one small transformer with seven schemes.

A scheme is a class with two methods. ``embed`` may change the embeddings, ``attend``
may change how a head attends; the classes below override one of them. Sources: Vaswani
et al. (2017), https://arxiv.org/abs/1706.03762, for the layers and the sinusoids; the
module of each scheme names its own.

Symbols::

    X    x, the embeddings      Q, K, V  query, key, value
    b_ij bias, added to scores  P_i      rows of a table of positions

Axes::

    batch     independent sequences
    heads     heads of a layer
    seq       positions
    head_dim  features of one head
    d_model   features of a token; ``heads * head_dim``
    outputs   what the reader predicts at each position
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.positions.alibi import alibi_attention
from snippets.positions.learned_positions import LearnedPositions
from snippets.positions.relative_positions import shaw_attention, t5_bias
from snippets.positions.rope import angles, frequencies, rotate
from snippets.positions.sinusoidal import sinusoidal

Heads = Float[Tensor, "batch heads seq head_dim"]
Tokens = Float[Tensor, "batch seq d_model"]


def set_attention(
    x: Float[Tensor, "seq d_model"],
    query: Float[Tensor, "d_model head_dim"],
    key: Float[Tensor, "d_model head_dim"],
    value: Float[Tensor, "d_model head_dim"],
) -> Float[Tensor, "seq head_dim"]:
    """One head that sees all tokens and is told no order.

    Examples
    --------
    Swapping two tokens swaps the two results:

    >>> x, one = torch.tensor([[1.0], [2.0]]), torch.ones(1, 1)
    >>> set_attention(x, one, one, one)
    tensor([[1.7311],
            [1.8808]])
    >>> set_attention(x.flip(0), one, one, one)
    tensor([[1.8808],
            [1.7311]])
    """
    scores = x @ query / math.sqrt(query.shape[1]) @ (x @ key).T
    return scores.softmax(dim=-1) @ (x @ value)


def causal_attention(
    query: Heads,
    key: Heads,
    value: Heads,
    bias: Float[Tensor, "#heads seq seq"] | float = 0.0,
) -> Heads:
    """Attention to earlier tokens, with a bias that is added to the scores."""
    seq, head_dim = query.shape[-2:]
    future = torch.full((seq, seq), -math.inf, dtype=query.dtype).triu(1)
    scores = query / math.sqrt(head_dim) @ key.mT + (bias + future)
    return scores.softmax(dim=-1) @ value


class NoPositions(nn.Module):
    """Only the causal mask; the other schemes override ``embed`` or ``attend``."""

    def embed(self, x: Tokens) -> Tokens:
        return x

    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        return causal_attention(query, key, value)


class Sinusoidal(NoPositions):
    def embed(self, x: Tokens) -> Tokens:
        _, seq, d_model = x.shape
        return x + sinusoidal(torch.arange(seq), d_model).to(x)


class Learned(NoPositions):
    def __init__(self, *, max_len: int, d_model: int) -> None:
        super().__init__()
        self.positions = LearnedPositions(max_len=max_len, d_model=d_model, std=0.3)

    def embed(self, x: Tokens) -> Tokens:
        return x + self.positions(torch.arange(x.shape[1]))


class Shaw(NoPositions):
    def __init__(self, *, reach: int, head_dim: int) -> None:
        super().__init__()
        tables = torch.empty(2, 2 * reach + 1, head_dim)
        self.tables = nn.Parameter(nn.init.normal_(tables, std=0.05))

    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        return shaw_attention(query, key, value, *self.tables, causal=True)


class T5(NoPositions):
    def __init__(self, *, buckets: int, max_distance: int, heads: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(buckets, heads))
        self.max_distance = max_distance

    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        seq, far = query.shape[2], self.max_distance
        bias = t5_bias(self.table, seq, seq, causal=True, max_distance=far)
        return causal_attention(query, key, value, bias)


class Rotary(NoPositions):
    """``frequencies``, ``stretch`` and ``scale`` can be set to extend the context."""

    def __init__(self, *, head_dim: int) -> None:
        super().__init__()
        self.frequencies, self.stretch, self.scale = frequencies(head_dim), 1.0, 1.0

    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        positions = torch.arange(query.shape[2]) / self.stretch
        rotation = angles(positions, self.frequencies)
        query, key = self.scale * rotate(torch.stack([query, key]), rotation)
        return super().attend(query, key, value)


class Alibi(NoPositions):
    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        return alibi_attention(query, key, value)


class Reader(nn.Module):
    """Causal transformer of two pre-norm layers that predicts at each position.

    Raises
    ------
    ValueError
        If ``heads`` does not divide ``d_model``.
    """

    def __init__(
        self,
        scheme: NoPositions,
        *,
        tokens: int,
        outputs: int,
        d_model: int,
        heads: int,
    ) -> None:
        super().__init__()
        if heads < 1 or d_model % heads:
            raise ValueError(f"{heads=} cannot share {d_model=} evenly")
        self.scheme, self.heads = scheme, heads
        self.token = nn.Embedding(tokens, d_model)
        self.layers = nn.ModuleList()
        for _ in range(2):
            parts = {
                "norm": nn.LayerNorm(d_model),
                "in_proj": nn.Linear(d_model, 3 * d_model, bias=False),
                "out_proj": nn.Linear(d_model, d_model, bias=False),
                "feed_forward": nn.Sequential(
                    nn.LayerNorm(d_model),
                    nn.Linear(d_model, 2 * d_model, bias=False),
                    nn.GELU(),
                    nn.Linear(2 * d_model, d_model, bias=False),
                ),
            }
            self.layers.append(nn.ModuleDict(parts))
        output = nn.Linear(d_model, outputs, bias=False)
        self.output = nn.Sequential(nn.LayerNorm(d_model), output)

    def forward(
        self, tokens: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch seq outputs"]:
        x = self.scheme.embed(self.token(tokens))
        for layer in self.layers:
            projected = layer["in_proj"](layer["norm"](x))
            heads = projected.unflatten(-1, (3, self.heads, -1))
            query, key, value = heads.permute(2, 0, 3, 1, 4)
            mixed = self.scheme.attend(query, key, value)
            x = x + layer["out_proj"](mixed.transpose(1, 2).flatten(2))
            x = x + layer["feed_forward"](x)
        return self.output(x)


def order_by_mask(seq: int) -> Float[Tensor, " seq"]:
    """Output of a causal head with equal scores, if only the first value is 1.

    Examples
    --------
    Without any encoding, the output is one over the position, counted from one:

    >>> order_by_mask(4)
    tensor([1.0000, 0.5000, 0.3333, 0.2500])
    """
    value = torch.zeros(1, 1, seq, 1)
    value[:, :, 0] = 1.0
    equal = torch.zeros_like(value)
    return NoPositions().attend(equal, equal, value)[0, 0, :, 0]
