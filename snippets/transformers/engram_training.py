"""Training of small language models with a memory and without, side by side.

Cheng et al. (2026), https://arxiv.org/abs/2601.07372: rows of the tables learn at five
times the rate of the other parameters. All runs have the same shapes, so one call
computes them together. The rows that all positions will read are found beforehand.

Axes::

    runs      models that are trained side by side
    texts     of a run, in the order in which they are read
    tokens    of a text
    seq       tokens that are read: all but the last
    vocab     different tokens
    lookups   rows that a position reads
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.transformers.engram import Engram
from snippets.transformers.transformer_block import GPT2Block


class MemoryModel(nn.Module):
    """One block of GPT-2 between embeddings and a head, with or without an Engram."""

    def __init__(
        self, vocab: int, seq: int, d_model: int, engram: Engram | None = None
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, d_model)
        self.position = nn.Parameter(0.1 * torch.randn(seq, d_model))
        self.engram = engram
        self.block = GPT2Block(d_model=d_model, heads=2)
        self.last = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, vocab)

    def start(self, text: Int[Tensor, "batch seq"]) -> Float[Tensor, "batch seq d"]:
        """The residual stream before the Engram."""
        return self.embedding(text) + self.position

    def forward(
        self,
        text: Int[Tensor, "batch seq"],
        rows: Int[Tensor, "batch seq lookups"] | None = None,
    ) -> Float[Tensor, "batch seq vocab"]:
        x = self.start(text)
        if self.engram is not None:
            x = x + self.engram.fuse(x, self.engram.table(rows).flatten(2))
        return self.head(self.last(self.block(x)))


class Runs(NamedTuple):
    """Models with stacked parameters, and what each of them reads."""

    base: nn.Module
    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    texts: Int[Tensor, "runs texts tokens"]
    rows: Int[Tensor, "runs texts seq lookups"] | None

    def logits(self, part: slice) -> Float[Tensor, "runs part seq vocab"]:
        """What the models say to some of their texts."""

        def one(parameters, buffers, text, rows):
            return functional_call(self.base, (parameters, buffers), (text, rows))

        rows = None if self.rows is None else self.rows[:, part]
        dims = (0, 0, 0, None if rows is None else 0)
        call = vmap(one, in_dims=dims)
        return call(self.parameters, self.buffers, self.texts[:, part, :-1], rows)

    @torch.no_grad()
    def losses(self, part: slice) -> Float[Tensor, " runs"]:
        """Mean loss of each model on some of its texts, in nats per token."""
        pairs = zip(self.logits(part), self.texts[:, part, 1:], strict=True)
        return torch.stack([cross_entropy(x.mT, y) for x, y in pairs])


def prepare(models: list[MemoryModel], texts: Int[Tensor, "runs texts tokens"]) -> Runs:
    """Stack models of equal shapes, and look up the rows of all texts."""
    if len(models) != len(texts):
        raise ValueError(f"{len(models)} models cannot read {len(texts)} sets of texts")
    rows = None
    if models[0].engram is not None:
        pairs = zip(models, texts, strict=True)
        rows = torch.stack([model.engram.rows(text[:, :-1]) for model, text in pairs])
    return Runs(deepcopy(models[0]), *stack_module_state(models), texts, rows)


def train(runs: Runs, steps: int, batch: int, rate: float) -> Iterator[int]:
    """Adam, whose rate falls to zero; yield the number of updates after each."""
    if steps * batch > runs.texts.shape[1]:
        raise ValueError(
            f"{steps} batches of {batch} need more than {runs.texts.shape[1]} texts"
        )
    table = [w for name, w in runs.parameters.items() if "table" in name]
    rest = [w for name, w in runs.parameters.items() if "table" not in name]
    groups = [{"params": rest, "lr": rate}]
    if table:
        groups.append({"params": table, "lr": 5 * rate})
    optimizer = torch.optim.Adam(groups, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for step in range(steps):
        part = slice(step * batch, (step + 1) * batch)
        logits = runs.logits(part)
        wanted = runs.texts[:, part, 1:]
        loss = cross_entropy(logits.flatten(0, 2), wanted.flatten())
        optimizer.zero_grad()
        (len(runs.texts) * loss).backward()
        optimizer.step()
        schedule.step()
        yield step + 1
