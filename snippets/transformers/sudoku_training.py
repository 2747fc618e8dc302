"""Training of tiny recursive models on Sudoku puzzles, several seeds side by side.

A puzzle stays in the batch until it has had ``n_sup`` supervision steps or the halting
logit is positive; then a new puzzle takes its place. Each time, the digits of the
puzzle are renamed at random.

Axes: ``runs`` (seeds), ``batch`` (puzzles), ``cells``, ``steps`` (of supervision).
"""

from copy import deepcopy
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from snippets.transformers.small_sudoku import CELLS, SIDE, Puzzles, rename
from snippets.transformers.tiny_recursive_model import (
    State,
    Step,
    TinyRecursiveModel,
    solved,
    supervision_loss,
    update_average,
)


class Plan(NamedTuple):
    """How a model recurses and how long it trains."""

    n: int
    cycles: int
    n_sup: int
    steps: int
    batch: int = 16
    rate: float = 6e-3
    decay: float = 0.99


class SideBySide(nn.Module):
    """Models of one shape that run at once; puzzles have a leading axis of runs."""

    def __init__(self, models: list[TinyRecursiveModel]) -> None:
        super().__init__()
        weights, self.fixed = stack_module_state(models)
        self.names = list(weights)
        self.weights = nn.ParameterList(w.detach() for w in weights.values())
        self.one = partial(functional_call, deepcopy(models[0]))

    def start(self, given: Int[Tensor, "runs batch cells"]) -> State:
        parts = self.fixed["y_init"], self.fixed["z_init"]
        shape = (*given.shape, parts[0].shape[-1])
        return State(*(part[:, None, None].expand(shape) for part in parts))

    def forward(
        self, given: Int[Tensor, "runs batch cells"], state: State, n: int, cycles: int
    ) -> Step:
        weights = dict(zip(self.names, self.weights, strict=True))

        def one(weights, fixed, given, y, z):
            return self.one((weights, fixed), (given, State(y, z), n, cycles))

        return vmap(one)(weights, self.fixed, given, *state)


def models(
    seeds: list[int], d_model: int, cells_ff: int, d_ff: int, layers: int = 1
) -> SideBySide:
    """Untrained models, one for each seed."""
    made = []
    for seed in seeds:
        torch.manual_seed(seed)
        sizes = (d_model, cells_ff, d_ff, layers)
        made.append(TinyRecursiveModel(CELLS, SIDE, *sizes))
    return SideBySide(made)


def draw(
    puzzles: Puzzles, shape: tuple[int, int], generator: torch.Generator
) -> Puzzles:
    """Training puzzles with the digits renamed; solutions count from 0."""
    count = shape[0] * shape[1]
    index = torch.randint(len(puzzles.given), (count,), generator=generator)
    names = 1 + torch.rand(count, SIDE, generator=generator).argsort(dim=1)
    drawn = [rename(grids[index], names).view(*shape, CELLS) for grids in puzzles]
    return Puzzles(drawn[0], drawn[1] - 1)


def replaced(halted: Bool[Tensor, "runs batch"], new: tuple, old: tuple) -> list:
    """Take the new value where a puzzle has halted."""
    pairs = zip(new, old, strict=True)
    return [
        torch.where(halted.view(*halted.shape, *[1] * (a.ndim - 2)), a, b)
        for a, b in pairs
    ]


def train(
    model: SideBySide, puzzles: Puzzles, plan: Plan, kept: int = 1
) -> list[SideBySide]:
    """Train in place; return the average of the weights at ``kept`` equal distances."""
    if kept < 1 or plan.steps % kept:
        raise ValueError(f"{kept=} averages do not divide {plan.steps} updates")
    generator = torch.Generator().manual_seed(0)
    average, averages = deepcopy(model), []
    optimizer = torch.optim.AdamW(
        model.parameters(), plan.rate, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    shape = len(model.weights[0]), plan.batch
    now = draw(puzzles, shape, generator)
    state, age = model.start(now.given), torch.zeros(shape, dtype=torch.long)
    for number in range(plan.steps):
        optimizer.param_groups[0]["lr"] = plan.rate * min(1, (number + 1) / 50)
        step = model(now.given, state, plan.n, plan.cycles)
        optimizer.zero_grad()
        supervision_loss(step, now.solution).backward()
        optimizer.step()
        update_average(average, model, plan.decay)
        if (number + 1) % (plan.steps // kept) == 0:
            averages.append(deepcopy(average))
        age = age + 1
        halted = (age >= plan.n_sup) | (step.halt > 0)
        new = draw(puzzles, shape, generator)
        fresh = (*new, *model.start(new.given), torch.zeros_like(age))
        *grids, y, z, age = replaced(halted, fresh, (*now, *step.state, age))
        now, state = Puzzles(*grids), State(y, z)
    return averages


class Answers(NamedTuple):
    """What the models answer after each supervision step."""

    logits: Float[Tensor, "steps runs puzzles cells values"]
    halt: Float[Tensor, "steps runs puzzles"]
    solved: Bool[Tensor, "steps runs puzzles"]


@torch.no_grad()
def answer(model: SideBySide, puzzles: Puzzles, plan: Plan, steps: int) -> Answers:
    """Run supervision steps on test puzzles; nothing halts."""
    runs = len(model.weights[0])
    given = puzzles.given.expand(runs, -1, -1)
    state, made = model.start(given), []
    for _ in range(steps):
        made.append(model(given, state, plan.n, plan.cycles))
        state = made[-1].state
    logits = torch.stack([step.logits for step in made])
    right = solved(logits, (puzzles.solution - 1).expand(steps, *given.shape))
    return Answers(logits, torch.stack([step.halt for step in made]), right)
