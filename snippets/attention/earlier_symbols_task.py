"""Naming two earlier symbols: the previous one, and the one three steps back.

A sequence has 16 symbols, each drawn uniformly from 8. At each position from the fourth
on, a model names both symbols; it is right if both are. Guessing is right in 1 of 64
cases.

Axes::

    batch    independent sequences
    seq      positions of a sequence, 16
    named    positions with both answers: all but the first three
    answers  2: one step back, three steps back
    symbols  8
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.attention.multi_head_attention import (
    MultiHeadAttention,
    contributions,
    split_heads,
)
from snippets.attention.self_attention import attention_weights, causal

SYMBOLS, SEQ, D_MODEL = 8, 16, 32


class NamingModel(nn.Module):
    """Embeddings, one causal attention layer, and a linear layer for both answers.

    There is no residual connection and no feed-forward network.

    Parameters
    ----------
    hidden
        If positive, the answers come from a network with so many ReLU units instead.
    """

    def __init__(self, heads: int, hidden: int = 0) -> None:
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, D_MODEL)
        self.position = nn.Parameter(torch.randn(SEQ, D_MODEL) / 2)
        self.layer = MultiHeadAttention(d_model=D_MODEL, heads=heads)
        self.answer = nn.Linear(D_MODEL, 2 * SYMBOLS)
        if hidden:
            widen, narrow = nn.Linear(D_MODEL, hidden), nn.Linear(hidden, 2 * SYMBOLS)
            self.answer = nn.Sequential(widen, nn.ReLU(), narrow)

    def embed(self, symbols: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq d"]:
        return self.symbol(symbols) + self.position

    def forward(
        self, symbols: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch named answers symbols"]:
        output = self.layer(self.embed(symbols), allowed=causal(SEQ, SEQ))[:, 3:]
        return self.answer(output).unflatten(-1, (2, SYMBOLS))


def right_answers(symbols: Int[Tensor, "batch seq"]) -> Int[Tensor, "batch named 2"]:
    """The symbols one and three steps back, from the fourth position on.

    Examples
    --------
    >>> right_answers(torch.tensor([[5, 6, 7, 0, 1]]))
    tensor([[[7, 5],
             [0, 6]]])
    """
    return torch.stack([symbols[:, 2:-1], symbols[:, :-3]], dim=-1)


def held_out() -> Int[Tensor, "batch seq"]:
    """200 sequences, always the same."""
    random = torch.Generator().manual_seed(9)
    return torch.randint(SYMBOLS, (200, SEQ), generator=random)


def both_right(logits: Float[Tensor, "batch named answers symbols"]) -> float:
    """Share of positions of the test sequences where both answers are right."""
    right = logits.argmax(-1) == right_answers(held_out())
    return right.all(-1).float().mean().item()


@torch.no_grad()
def mean_weights(model: NamingModel) -> Float[Tensor, "heads seq seq"]:
    """Attention weights of each head, averaged over the test sequences."""
    x, layer = model.embed(held_out()), model.layer
    query, key = (split_heads(p(x), layer.heads) for p in (layer.query, layer.key))
    return attention_weights(query, key, causal(SEQ, SEQ)).mean(dim=0)


@torch.no_grad()
def logits_by_head(
    model: NamingModel,
) -> tuple[
    Float[Tensor, "batch heads named answers symbols"],
    Float[Tensor, "answers symbols"],
]:
    """The term of each head in the logits of the test sequences, and the bias."""
    x, mask = model.embed(held_out()), causal(SEQ, SEQ)
    outputs = model.layer.head_outputs(x, allowed=mask)
    terms = contributions(outputs, model.layer.out.weight)[..., 3:, :]
    logits = (terms @ model.answer.weight.T).unflatten(-1, (2, SYMBOLS))
    return logits, model.answer.bias.unflatten(0, (2, SYMBOLS))


def train(
    model: NamingModel, marks: Sequence[int], *, rate: float, seed: int = 1
) -> list[float]:
    """Share of positions with both answers right, after each number of batches.

    Batches of 32 new sequences, Adam with the learning rate ``rate``.
    """
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    reached = []
    for batch in range(1, max(marks) + 1):
        symbols = torch.randint(SYMBOLS, (32, SEQ), generator=random)
        logits = model(symbols)
        loss = cross_entropy(logits.flatten(0, -2), right_answers(symbols).flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if batch in marks:
            with torch.no_grad():
                reached.append(both_right(model(held_out())))
    return reached
