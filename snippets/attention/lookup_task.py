"""Lookup: pairs of a symbol and a value in random order, and a head that finds one.

A sequence has 16 positions with a symbol and a value each, and a last position that
repeats one of the symbols: the answer is the value that stood beside it.

Axes::

    batch       independent sequences
    seq         positions: 16 pairs, and the question
    q_len       positions that ask: the last one alone
    value_dim   features of a projected value
    symbols     that a value can be; guessing is right in 1 of 16 cases
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.attention.self_attention import SelfAttention, attention_weights

SYMBOLS = 16
QUESTION = SYMBOLS  # stands in place of the value at the last position


class Lookups(NamedTuple):
    """Sequences, where the matching pair stands, and the right answers."""

    symbols: Int[Tensor, "batch seq"]
    values: Int[Tensor, "batch seq"]
    match: Int[Tensor, " batch"]
    answer: Int[Tensor, " batch"]


def lookups(count: int, random: torch.Generator) -> Lookups:
    """Draw sequences; each has every symbol once, in an order of its own.

    Examples
    --------
    >>> drawn = lookups(3, torch.Generator().manual_seed(0))
    >>> drawn.symbols.shape, drawn.answer.shape
    (torch.Size([3, 17]), torch.Size([3]))
    """
    symbols = torch.rand(count, SYMBOLS, generator=random).argsort(dim=1)
    values = torch.randint(0, SYMBOLS, (count, SYMBOLS), generator=random)
    match = torch.randint(0, SYMBOLS, (count, 1), generator=random)
    answer = values.gather(1, match)
    symbols = torch.cat([symbols, symbols.gather(1, match)], dim=1)
    values = torch.cat([values, torch.full_like(match, QUESTION)], dim=1)
    return Lookups(symbols, values, match[:, 0], answer[:, 0])


class LookupModel(nn.Module):
    """Embeddings, one head that asks from the last position, and a linear answer.

    Parameters
    ----------
    divided
        Whether scores are divided by the square root of ``head_dim``.
    """

    def __init__(self, head_dim: int, *, divided: bool = True) -> None:
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, 32)
        self.value = nn.Embedding(SYMBOLS + 1, 32)
        self.head = SelfAttention(d_model=32, head_dim=head_dim)
        self.answer = nn.Linear(head_dim, SYMBOLS)
        self.query_factor = 1.0 if divided else head_dim**0.5

    def weights(
        self, symbols: Int[Tensor, "batch seq"], values: Int[Tensor, "batch seq"]
    ) -> tuple[Float[Tensor, "batch q_len seq"], Float[Tensor, "batch seq value_dim"]]:
        """Attention weights of the last position, and the projected values."""
        x = self.symbol(symbols) + self.value(values)
        query = self.query_factor * self.head.query(x[:, -1:])
        return attention_weights(query, self.head.key(x)), self.head.value(x)

    def forward(
        self, symbols: Int[Tensor, "batch seq"], values: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch symbols"]:
        weights, value = self.weights(symbols, values)
        return self.answer((weights @ value)[:, 0])


@torch.no_grad()
def accuracy(model: LookupModel) -> float:
    """Share of right answers to 500 sequences, always the same."""
    drawn = lookups(500, torch.Generator().manual_seed(9))
    logits = model(drawn.symbols, drawn.values)
    return (logits.argmax(-1) == drawn.answer).float().mean().item()


def train(
    model: LookupModel,
    marks: Sequence[int],
    *,
    rate: float,
    watch: Callable[[LookupModel], object] = accuracy,
) -> list:
    """What ``watch`` returns after each number of batches in ``marks``.

    Batches of 64 new sequences, Adam with the learning rate ``rate``.
    """
    random = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    seen = [watch(model)] if 0 in marks else []
    for batch in range(1, max(marks) + 1):
        drawn = lookups(64, random)
        loss = cross_entropy(model(drawn.symbols, drawn.values), drawn.answer)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if batch in marks:
            seen.append(watch(model))
    return seen
