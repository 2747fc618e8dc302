"""Fact training: models with a memory, or without one, learn the fact language.

Axes::

    marks   numbers of updates after which the models are tested
    seeds   of the facts, the texts, and the first parameters
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.transformers.engram import Engram
from snippets.transformers.engram_training import MemoryModel, prepare, train
from snippets.transformers.fact_language import (
    SYMBOLS,
    TOKENS,
    draw_facts,
    fact_accuracy,
    texts,
)

BATCH, HELD_OUT, NUMBERS = 40, 200, 32


class Memory(NamedTuple):
    """Least number of rows in a table, and hash heads.

    The rows that a position reads have 64 numbers: for each order of n-grams, one row
    of 32, four rows of 8, and so on.
    """

    rows: int
    heads: int


class Learned(NamedTuple):
    """Accuracies on held-out texts, and losses there after the last mark."""

    accuracy: Float[Tensor, "marks seeds"]
    losses: Float[Tensor, " seeds"]
    parameters: int


def fact_model(d_model: int, memory: Memory | None, seed: int) -> MemoryModel:
    """Build a model. Its first parameters are drawn from the seed."""
    torch.manual_seed(seed)
    model = MemoryModel(SYMBOLS, TOKENS - 1, d_model)
    if memory is not None:
        if memory.heads < 1 or NUMBERS % memory.heads:
            raise ValueError(f"heads={memory.heads} does not divide {NUMBERS}")
        sizes = {"vocab": SYMBOLS, "d_model": d_model, "seed": seed}
        model.engram = Engram(
            **memory._asdict(), head_dim=NUMBERS // memory.heads, **sizes
        )
        nn.init.normal_(model.engram.table.weight, std=0.1)
    return model


def learn_facts(
    d_model: int,
    memory: Memory | None,
    rate: float,
    seeds: Sequence[int],
    marks: Sequence[int],
) -> Learned:
    """Train one model for each seed until the last mark; the rate falls to zero."""
    models = [fact_model(d_model, memory, seed) for seed in seeds]
    facts = [draw_facts(seed) for seed in seeds]
    number = marks[-1] * BATCH + HELD_OUT
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    read = [texts(f, number, draw) for f, draw in zip(facts, draws, strict=True)]
    runs = prepare(models, torch.stack(read))
    held_out, curve = slice(-HELD_OUT, None), []
    for done in train(runs, marks[-1], BATCH, rate):
        if done in marks:
            with torch.no_grad():
                told = runs.logits(held_out)
            cases = zip(told, runs.texts[:, held_out], facts, strict=True)
            curve.append(torch.stack([fact_accuracy(*case) for case in cases]))
    parameters = sum(p.numel() for p in models[0].parameters())
    return Learned(torch.stack(curve), runs.losses(held_out), parameters)
