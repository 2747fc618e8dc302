"""Fact training: models with different memories, or none, learn the fact language.

Axes::

    marks      numbers of updates after which the models are tested
    memories   different memories of models of the same width
    seeds      of the facts, the texts, and the first parameters
"""

from collections.abc import Sequence
from itertools import product
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

BATCH, HELD_OUT, RATE = 40, 200, 0.01


class Memory(NamedTuple):
    """Least number of rows in a table, and hash heads: one or four.

    The rows that a position reads have 64 numbers in either case: of each order of
    n-grams one row of 32, or four rows of 8.
    """

    rows: int
    heads: int


class Learned(NamedTuple):
    """Share of the facts that is the first guess, and losses at the last mark."""

    known: Float[Tensor, "marks memories seeds"]
    losses: Float[Tensor, "memories seeds"]
    parameters: list[int]


def fact_model(d_model: int, memory: Memory | None, seed: int) -> MemoryModel:
    """Build a model. Its first parameters are drawn from the seed."""
    torch.manual_seed(seed)
    model = MemoryModel(SYMBOLS, TOKENS - 1, d_model)
    if memory is not None:
        if memory.heads not in (1, 4):
            raise ValueError(f"heads={memory.heads} is neither 1 nor 4")
        sizes = {"vocab": SYMBOLS, "d_model": d_model, "seed": seed}
        model.engram = Engram(
            rows=memory.rows, heads=memory.heads, head_dim=32 // memory.heads, **sizes
        )
    return model


def equal_shapes(engram: Engram, table: int) -> None:
    """Store rows of 8 numbers in a table of ``table`` rows, so that models can stack.

    A row of 32 becomes four rows of 8, which are read together. Some rows stay unused.
    """
    if engram.moduli.shape[1] == 1:
        engram.moduli = engram.moduli.repeat(1, 4)
        sizes = engram.moduli.flatten()
        engram.offsets = sizes.cumsum(0) - sizes
    engram.table = nn.Embedding(table, 8)
    nn.init.normal_(engram.table.weight, std=0.1)


def learn_facts(
    d_model: int,
    memories: Sequence[Memory | None],
    seeds: Sequence[int],
    marks: Sequence[int],
) -> Learned:
    """Train until the last mark; the rate falls to zero.

    Raises
    ------
    ValueError
        If some models have a memory and others have none: these cannot be stacked.
    """
    if None in memories and len(memories) > 1:
        raise ValueError(f"different shapes: {memories}")
    kinds = list(product(memories, seeds))
    models = [fact_model(d_model, *kind) for kind in kinds]
    counts = [sum(p.numel() for p in m.parameters()) for m in models[:: len(seeds)]]
    engrams = [model.engram for model in models if model.engram is not None]
    largest = max((4 * int(e.moduli.sum()) for e in engrams), default=0)
    for engram in engrams:
        equal_shapes(engram, largest)
    facts = [draw_facts(seed) for seed in seeds]
    number = marks[-1] * BATCH + HELD_OUT
    draws = [torch.Generator().manual_seed(seed) for seed in seeds]
    read = [texts(f, number, draw) for f, draw in zip(facts, draws, strict=True)]
    runs = prepare(models, torch.stack(read * len(memories)))
    held_out, curve = slice(-HELD_OUT, None), []
    for done in train(runs, marks[-1], BATCH, RATE):
        if done in marks:
            with torch.no_grad():
                told = runs.logits(held_out)
            cases = zip(
                told, runs.texts[:, held_out], facts * len(memories), strict=True
            )
            curve.append(torch.stack([fact_accuracy(*case) for case in cases]))
    known = torch.stack(curve).unflatten(1, (-1, len(seeds)))
    return Learned(known, runs.losses(held_out).view_as(known[0]), counts)
