"""Recall: a small task that needs attention, and a small model that learns it.

Four pairs of a key and a value stand in a row, then one of the keys: the answer is the
value that stood beside it.

Axes::

    batch    independent texts
    tokens   symbols of a text: two for each pair, and the question
    symbols  that a key, or a value, can be
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

PAIRS, SYMBOLS = 4, 8


def recall(
    count: int, random: torch.Generator
) -> tuple[Int[Tensor, "batch tokens"], Int[Tensor, " batch"]]:
    """Draw texts and their answers; values have numbers of their own in a text.

    Examples
    --------
    >>> texts, answers = recall(3, torch.Generator().manual_seed(0))
    >>> texts.shape, answers.shape
    (torch.Size([3, 9]), torch.Size([3]))
    """
    keys = torch.rand(count, SYMBOLS, generator=random).argsort(1)[:, :PAIRS]
    values = torch.randint(SYMBOLS, (count, PAIRS), generator=random)
    pairs = torch.stack([keys, SYMBOLS + values], dim=-1).flatten(1)
    asked = torch.randint(PAIRS, (count, 1), generator=random)
    question, answer = keys.gather(1, asked), values.gather(1, asked)
    return torch.cat([pairs, question], dim=1), answer[:, 0]


def shown_baselines(count: int, random: torch.Generator) -> tuple[float, float]:
    """Accuracy of naming any shown value, and of naming the one shown most often."""
    texts, answers = recall(count, random)
    values = texts[:, 1:-1:2] - SYMBOLS
    any_shown = (values == answers[:, None]).float().mean()
    most_frequent = (values.mode(dim=1).values == answers).float().mean()
    return any_shown.item(), most_frequent.item()


class Recaller(nn.Module):
    """Two layers of attention, and an answer from the last position.

    Parameters
    ----------
    attention
        Called with ``d_model``, ``heads`` and ``sizes``, once for each layer.
    """

    def __init__(
        self,
        attention: Callable[..., nn.Module],
        *,
        d_model: int = 64,
        heads: int = 8,
        **sizes: int,
    ) -> None:
        super().__init__()
        sizes = {"d_model": d_model, "heads": heads, **sizes}
        self.symbol = nn.Embedding(2 * SYMBOLS, d_model)
        self.position = nn.Embedding(2 * PAIRS + 1, d_model)
        self.mix = nn.ModuleList(attention(**sizes) for _ in range(2))
        self.norm = nn.ModuleList(nn.RMSNorm(d_model) for _ in range(2))
        self.answer = nn.Linear(d_model, SYMBOLS)

    def forward(
        self, texts: Int[Tensor, "batch tokens"]
    ) -> Float[Tensor, "batch symbols"]:
        x = self.symbol(texts) + self.position.weight
        for norm, mix in zip(self.norm, self.mix, strict=True):
            x = x + mix(norm(x))
        return self.answer(x[:, -1])


@torch.no_grad()
def accuracy(model: nn.Module) -> float:
    """Share of right answers to 500 texts, always the same."""
    texts, answers = recall(500, torch.Generator().manual_seed(99))
    return (model(texts).argmax(-1) == answers).float().mean().item()


def train(
    model: nn.Module, marks: Sequence[int], *, seed: int, rate: float
) -> list[float]:
    """Accuracy after each number of steps in ``marks``; the last one ends it."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    reached = [accuracy(model)] if 0 in marks else []
    for step in range(1, marks[-1] + 1):
        texts, answers = recall(32, random)
        loss = cross_entropy(model(texts), answers)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in marks:
            reached.append(accuracy(model))
    return reached
