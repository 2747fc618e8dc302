"""Reports of the weather: a toy language, and the training of its forecasters.

The weather, one of four kinds, stays from day to day with probability 0.8. It is
hidden. A report is right with probability 0.7. A good forecast of the next report
weighs the earlier reports by how long ago they were, so it needs positions.

Axes::

    models   models that are trained side by side, on batches of their own
    batch    independent sequences
    days     reports of a sequence
    d_model  features of a token
    kinds    of weather, and of reports
"""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

KINDS, WARM_UP = 4, 8  # losses count from day 8 on
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


def best_forecast(
    seen: Int[Tensor, "batch days"],
) -> Float[Tensor, "batch later_days kinds"]:
    """Probabilities of each report but the first, given the reports before it.

    They are the best possible: they know both tables of probabilities. The forward
    algorithm of hidden Markov models computes them.

    Examples
    --------
    After a report of kind 0 the next weather is of kind 0 with probability
    0.7 * 0.8 + 0.3 * 0.2 / 3 = 0.58, and the next report with 0.58 * 0.7 + 0.42 * 0.1:

    >>> best_forecast(torch.tensor([[0, 0]]))[0, 0]
    tensor([0.4480, 0.1840, 0.1840, 0.1840])
    """
    belief, forecasts = torch.full((len(seen), KINDS), 1 / KINDS), []
    for day in seen.T[:-1]:
        belief = belief * REPORT[:, day].T
        belief = belief / belief.sum(dim=1, keepdim=True) @ STAY
        forecasts.append(belief @ REPORT)
    return torch.stack(forecasts, dim=1)


def divergence(
    best: Float[Tensor, "*batch days kinds"], logits: Float[Tensor, "*batch days kinds"]
) -> Float[Tensor, "*batch days"]:
    """Kullback-Leibler divergence, in nats, of forecasts from the best ones.

    It is how much higher the loss on the next report is than the best possible one, on
    average over the reports that may come.
    """
    return (best * (best.log() - logits.log_softmax(-1))).sum(-1)


def causal_attention(
    query: Float[Tensor, "batch days d_model"],
    key: Float[Tensor, "batch days d_model"],
    value: Float[Tensor, "batch days d_model"],
    bias: Float[Tensor, "days days"] | float = 0.0,
) -> Float[Tensor, "batch days d_model"]:
    """One head in which a day sees itself and the days before."""
    scores = query / math.sqrt(query.shape[-1]) @ key.mT + bias
    future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(dim=-1) @ value


class Forecaster(nn.Module):
    """One attention head that predicts the next report from those before.

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
        self.output = nn.Linear(d_model, KINDS)

    def forward(
        self, seen: Int[Tensor, "batch days"]
    ) -> Float[Tensor, "batch days kinds"]:
        """Logits of the next report, after each one."""
        x = self.report(seen) + self.positions(torch.arange(seen.shape[1]))
        return self.output(x + self.attend(self.query(x), self.key(x), self.value(x)))


class Fit(NamedTuple):
    models: list[nn.Module]  # trained copies
    history: Float[Tensor, "steps models"]  # divergence on each batch before its step


def fit(
    models: list[nn.Module],
    texts: Int[Tensor, "batch days"],
    *,
    steps: int,
    batch: int,
    rate: float,
    variants: int = 1,
) -> Fit:
    """Train models of one kind on batches of their own, to match the best forecasts.

    With the reports that came as targets, the result is the same, but their noise makes
    the training several times as long. Adam, with a learning rate that rises to
    ``rate`` and falls to zero.

    Parameters
    ----------
    variants
        Groups of equally many models, one after the other in ``models``; the first
        models of all groups are trained on the same batches, and so on.
    """
    parameters, buffers = stack_module_state(models)
    apply = vmap(lambda *own_and_seen: functional_call(models[0], *own_and_seen))
    random = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(parameters.values(), lr=rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    size = steps, len(models) // variants, batch
    drawn = torch.randint(len(texts), size, generator=random).repeat(1, variants, 1)
    best, history = best_forecast(texts), []
    for rows in drawn:
        logits = apply((parameters, buffers), texts[rows, :-1])
        loss = divergence(best[rows], logits)
        optimizer.zero_grad()
        loss.mean((1, 2)).sum().backward()  # each model has its own gradient
        optimizer.step()
        schedule.step()
        history.append(loss.detach()[..., WARM_UP:].mean((1, 2)))
    trained = [deepcopy(model) for model in models]
    for place, model in enumerate(trained):
        own = {name: x[place] for name, x in (parameters | buffers).items()}
        model.load_state_dict(own)
    return Fit(trained, torch.stack(history))


@torch.no_grad()
def excess(
    models: list[nn.Module], texts: Int[Tensor, "batch days"]
) -> Float[Tensor, "models later_days"]:
    """Loss above the best possible, in nats, of each model at each position."""
    best = best_forecast(texts)
    losses = [divergence(best, model(texts[:, :-1])) for model in models]
    return torch.stack(losses).mean(1)
