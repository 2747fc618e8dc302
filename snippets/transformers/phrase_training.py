"""Phrase training: models with a memory learn texts with stock phrases.

Axes::

    seeds    of the texts and the first parameters
    number   of held-out texts
    seq      words that are read: all but the last
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from snippets.transformers.engram import Engram
from snippets.transformers.engram_training import MemoryModel, prepare, train
from snippets.transformers.stock_phrases import WORDS, phrase_texts

STEPS, BATCH, SEQ, HELD_OUT = 200, 32, 12, 400


class Ungated(Engram):
    """A gate that is always open: the sigmoid of infinity is 1."""

    def score(
        self,
        hidden: Float[Tensor, "batch seq d_model"],
        memory: Float[Tensor, "batch seq d_mem"],
    ) -> Float[Tensor, "batch seq 1"]:
        return torch.full_like(hidden[..., :1], torch.inf)


class Learned(NamedTuple):
    """Trained models, and their losses on texts that they did not read."""

    models: list[MemoryModel]
    losses: Float[Tensor, " seeds"]
    held_out: Int[Tensor, "seeds number seq"]


def learn_phrases(kind: type[Engram], seeds: Sequence[int]) -> Learned:
    """Train models with tables of about 31 rows, which many n-grams share."""
    models, read = [], []
    for seed in seeds:
        torch.manual_seed(seed)
        sizes = {"vocab": len(WORDS), "rows": 31, "heads": 2, "head_dim": 8}
        engram = kind(**sizes, d_model=16, seed=seed)
        nn.init.normal_(engram.table.weight, std=0.1)
        models.append(MemoryModel(len(WORDS), SEQ, 16, engram))
        draw = torch.Generator().manual_seed(seed)
        number = STEPS * BATCH + HELD_OUT
        read.append(phrase_texts(number, SEQ + 1, draw).texts)
    runs, held_out = prepare(models, torch.stack(read)), slice(-HELD_OUT, None)
    for _ in train(runs, STEPS, BATCH, rate=0.01):
        pass
    for i, model in enumerate(models):
        one = {name: weight[i] for name, weight in runs.parameters.items()}
        model.load_state_dict(one, strict=False)  # the buffers are there already
    return Learned(models, runs.losses(held_out), runs.texts[:, held_out, :-1])


@torch.no_grad()
def gates(
    model: MemoryModel, text: Int[Tensor, "number seq"]
) -> Float[Tensor, "number seq"]:
    """The gate at each word."""
    memory = model.engram.table(model.engram.rows(text)).flatten(2)
    return model.engram.score(model.start(text), memory).sigmoid()[..., 0]
