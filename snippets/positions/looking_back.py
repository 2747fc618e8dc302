"""A task that needs positions: name the symbol three tokens before.

Texts are random symbols, so the only way to answer is to attend at a distance of three.
One attention head and a linear layer learn it.

Axes::

    batch    independent sequences
    seq      tokens of a sequence
    d_model  features of the only head
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

SYMBOLS, BACK = 16, 3


def attention(
    query: Float[Tensor, "*batch seq d_model"],
    key: Float[Tensor, "*batch seq d_model"],
    value: Float[Tensor, "batch seq features"],
) -> Float[Tensor, "batch seq features"]:
    """Causal attention of one head."""
    scores = query / math.sqrt(query.shape[-1]) @ key.mT
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ value


class Head(nn.Module):
    """One head; the result of ``positions`` is added to the embeddings.

    Examples
    --------
    >>> head = Head(lambda positions: 0, d_model=8)
    >>> head(torch.tensor([[3, 1, 4, 1, 5]])).shape
    torch.Size([1, 5, 16])
    """

    def __init__(self, positions: Callable, *, d_model: int) -> None:
        super().__init__()
        self.symbol, self.positions = nn.Embedding(SYMBOLS, d_model), positions
        self.query, self.key, self.value = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(3)
        )
        self.output = nn.Linear(d_model, SYMBOLS)

    def forward(
        self, symbols: Int[Tensor, "batch seq"], start: int = 0
    ) -> Float[Tensor, "batch seq symbols"]:
        """Logits; the first token is at position ``start``."""
        x = self.symbol(symbols)
        x = x + self.positions(start + torch.arange(symbols.shape[1]))
        return self.output(attention(self.query(x), self.key(x), self.value(x)))


class PositionHead(nn.Module):
    """A head whose queries and keys read the positions only; values are the symbols.

    Examples
    --------
    >>> from snippets.positions.sinusoidal import sinusoidal
    >>> head = PositionHead(lambda positions: sinusoidal(positions, 8), d_model=8)
    >>> head(torch.tensor([[3, 1, 4, 1, 5]])).shape
    torch.Size([1, 5, 16])
    """

    def __init__(self, positions: Callable, *, d_model: int) -> None:
        super().__init__()
        self.positions = positions
        self.query, self.key = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(2)
        )

    def forward(
        self, symbols: Int[Tensor, "batch seq"], start: int = 0
    ) -> Float[Tensor, "batch seq symbols"]:
        """Logits; the first token is at position ``start``."""
        x = self.positions(start + torch.arange(symbols.shape[1]))
        value = one_hot(symbols, SYMBOLS).float()
        return (attention(self.query(x), self.key(x), value) + 1e-4).log()


def train(
    head: nn.Module, *, seq: int, steps: int, rate: float, last_start: int = 0
) -> Float[Tensor, " steps"]:
    """Train with Adam, and return the accuracy on each batch before its step.

    ``rate`` is the learning rate. Each batch has 16 texts, whose positions begin at a
    random start up to ``last_start``.
    """
    optimizer = torch.optim.Adam(head.parameters(), lr=rate, fused=True)
    history = []
    for _ in range(steps):
        symbols = torch.randint(SYMBOLS, (16, seq))
        start = torch.randint(last_start + 1, ()).item()
        logits, target = head(symbols, start)[:, BACK:], symbols[:, :-BACK]
        loss = cross_entropy(logits.mT, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append((logits.argmax(-1) == target).float().mean())
    return torch.stack(history)


@torch.no_grad()
def accuracy(
    head: Callable, symbols: Int[Tensor, "batch seq"]
) -> Float[Tensor, " answers"]:
    """Share of right answers at each position from the fourth on."""
    right = head(symbols).argmax(-1)[:, BACK:] == symbols[:, :-BACK]
    return right.float().mean(0)
