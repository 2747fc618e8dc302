"""Reports of the weather: a toy language in which recent words matter more.

One of four kinds of weather lasts; each day it stays with probability 0.8. It is not
seen. A report is, and it is right with probability 0.7. Whoever guesses the next report
wants to know not only which reports there were, but how long ago.

Axes::

    batch    independent sequences
    days     reports of a sequence
    d_model  features of a token
    kinds    of weather, and of reports
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

KINDS = 4
STAY = torch.full((KINDS, KINDS), 0.2 / 3).fill_diagonal_(0.8)
REPORT = torch.full((KINDS, KINDS), 0.1).fill_diagonal_(0.7)


def reports(count: int, days: int, seed: int) -> Int[Tensor, "batch days"]:
    """Draw sequences of reports.

    Examples
    --------
    >>> reports(count=2, days=5, seed=0).shape
    torch.Size([2, 5])
    """
    random = torch.Generator().manual_seed(seed)
    weather = torch.randint(KINDS, (count,), generator=random)
    seen = []
    for _ in range(days):
        seen.append(REPORT[weather].multinomial(1, generator=random)[:, 0])
        weather = STAY[weather].multinomial(1, generator=random)[:, 0]
    return torch.stack(seen, dim=1)


def best_possible(seen: Int[Tensor, "batch days"]) -> Float[Tensor, "batch later_days"]:
    """Loss of every report but the first for who knows both tables, in nats.

    Examples
    --------
    After a report of kind 0 the next weather is of kind 0 with probability
    0.7 * 0.8 + 0.3 * 0.2 / 3 = 0.58, and the next report with 0.58 * 0.7 + 0.42 * 0.1:

    >>> best_possible(torch.tensor([[0, 0]])).neg().exp().round(decimals=3)
    tensor([[0.4480]])
    """
    belief, losses = torch.full((len(seen), KINDS), 1 / KINDS), []
    for day in seen.T:
        losses.append(-(belief @ REPORT).gather(1, day[:, None])[:, 0].log())
        belief = belief * REPORT[:, day].T
        belief = belief / belief.sum(dim=1, keepdim=True) @ STAY
    return torch.stack(losses[1:], dim=1)


def causal_attention(
    query: Float[Tensor, "batch days d_model"],
    key: Float[Tensor, "batch days d_model"],
    value: Float[Tensor, "batch days d_model"],
) -> Float[Tensor, "batch days d_model"]:
    """One head in which a day sees itself and the days before."""
    scores = query / math.sqrt(query.shape[-1]) @ key.mT
    future = torch.ones_like(scores[0], dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(dim=-1) @ value


class Forecaster(nn.Module):
    """One attention head that guesses the next report from those before.

    Parameters
    ----------
    positions
        Called with the positions; what it returns is added to the embeddings.
    attend
        Called with query, key and value.

    Examples
    --------
    >>> forecaster = Forecaster(d_model=8, positions=lambda places: 0)
    >>> forecaster(reports(count=2, days=5, seed=0)).shape
    torch.Size([2, 5, 4])
    """

    def __init__(
        self, d_model: int, positions: Callable, attend: Callable = causal_attention
    ) -> None:
        super().__init__()
        self.report = nn.Embedding(KINDS, d_model)
        self.positions, self.attend = positions, attend
        self.query, self.key, self.value = (
            nn.Linear(d_model, d_model, bias=False) for _ in range(3)
        )
        self.guess = nn.Linear(d_model, KINDS)

    def forward(
        self, seen: Int[Tensor, "batch days"]
    ) -> Float[Tensor, "batch days kinds"]:
        """Logits of the next report, after each one."""
        x = self.report(seen) + self.positions(torch.arange(seen.shape[1]))
        return self.guess(x + self.attend(self.query(x), self.key(x), self.value(x)))


def fit(
    model: nn.Module,
    texts: Int[Tensor, "batch days"],
    *,
    steps: int,
    batch: int,
    rate: float,
    seed: int = 0,
) -> nn.Module:
    """Train with Adam on batches of ``texts`` that ``seed`` draws."""
    random = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate, fused=True)
    for _ in range(steps):
        seen = texts[torch.randint(len(texts), (batch,), generator=random)]
        loss = cross_entropy(model(seen[:, :-1]).mT, seen[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model
