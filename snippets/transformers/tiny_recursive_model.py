"""Tiny recursive model (TRM): a small network improves its own answer, step by step.

Jolicoeur-Martineau (2025), https://arxiv.org/abs/2510.04871, figure 3 and section 4;
the blocks follow the released code, SamsungSAILMontreal/TinyRecursiveModels.

Glossary: symbol or name of the paper -> our name::

    x                 x            embedded puzzle; z_L, z_H in the released code:
    y, z              y, z         vectors of the answer, and of the reasoning
    net, f            net          the one small network
    n                 n            updates of z in a cycle (L_cycles)
    T                 cycles       cycles in a supervision step (H_cycles)
    N_sup             -            most supervision steps for one puzzle
    output_head       output_head  scores of the values of a cell
    Q_head            halt_head    one logit: is the whole answer right?

Axes: ``batch`` (puzzles), ``cells``, ``d_model``, ``values`` (of a cell).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.nn.functional import rms_norm as norm

from snippets.transformers.llama_block import SwiGLU


class State(NamedTuple):
    """What a puzzle carries from one supervision step to the next."""

    y: Float[Tensor, "*batch cells d_model"]
    z: Float[Tensor, "*batch cells d_model"]


class Step(NamedTuple):
    """What a supervision step returns; the state has no gradient."""

    state: State
    logits: Float[Tensor, "*batch cells values"]
    halt: Float[Tensor, "*batch"]


class MixerBlock(nn.Module):
    """Mix the cells, then the features; add and normalize after each (post-norm)."""

    def __init__(self, cells: int, d_model: int, cells_ff: int, d_ff: int) -> None:
        super().__init__()
        self.mix_cells = SwiGLU(cells, cells_ff)
        self.mix_features = SwiGLU(d_model, d_ff)

    def forward(
        self, h: Float[Tensor, "*batch cells d_model"]
    ) -> Float[Tensor, "*batch cells d_model"]:
        h = h.mT
        h = norm(h + self.mix_cells(h), h.shape[-1:], eps=1e-5).mT
        return norm(h + self.mix_features(h), h.shape[-1:], eps=1e-5)


def latent_recursion(
    net: Callable, x: Float[Tensor, "*batch cells d_model"], state: State, n: int
) -> State:
    """One cycle: update the reasoning ``n`` times, then the answer once."""
    if n < 1:
        raise ValueError(f"with {n=} the answer never depends on the puzzle")
    y, z = state
    for _ in range(n):
        z = net(x + y + z)
    return State(net(y + z), z)


def deep_recursion(
    net: Callable,
    x: Float[Tensor, "*batch cells d_model"],
    state: State,
    n: int,
    cycles: int,
) -> State:
    """Run all cycles; only the last one has a gradient."""
    if cycles < 1:
        raise ValueError(f"{cycles=}: at least one cycle must have a gradient")
    with torch.no_grad():
        for _ in range(cycles - 1):
            state = latent_recursion(net, x, state, n)
    return latent_recursion(net, x, state, n)


class TinyRecursiveModel(nn.Module):
    """Embedding, network, two heads, and the state in which every puzzle starts."""

    def __init__(
        self,
        cells: int,
        values: int,
        d_model: int,
        cells_ff: int,
        d_ff: int,
        layers: int = 2,
    ) -> None:
        super().__init__()
        if min(cells, values, d_model, cells_ff, d_ff, layers) < 1:
            sizes = f"{cells=}, {values=}, {d_model=}, {cells_ff=}, {d_ff=}, {layers=}"
            raise ValueError(f"{sizes}: each must be positive")
        self.embedding = nn.Embedding(values + 1, d_model)  # 0: an empty cell
        blocks = [MixerBlock(cells, d_model, cells_ff, d_ff) for _ in range(layers)]
        self.net = nn.Sequential(*blocks)
        self.output_head = nn.Linear(d_model, values, bias=False)
        self.halt_head = nn.Linear(d_model, 1)
        nn.init.zeros_(self.halt_head.weight)
        nn.init.constant_(self.halt_head.bias, -5.0)
        for name in ("y_init", "z_init"):  # fixed, not trained
            self.register_buffer(name, torch.randn(d_model))

    def start(self, given: Int[Tensor, "*batch cells"]) -> State:
        shape = (*given.shape, len(self.y_init))
        return State(self.y_init.expand(shape), self.z_init.expand(shape))

    def forward(
        self, given: Int[Tensor, "*batch cells"], state: State, n: int, cycles: int
    ) -> Step:
        x = self.embedding(given)
        y, z = deep_recursion(self.net, x, state, n, cycles)
        halt = self.halt_head(y.mean(dim=-2)).squeeze(-1)
        return Step(State(y.detach(), z.detach()), self.output_head(y), halt)


def solved(
    logits: Float[Tensor, "*batch cells values"], target: Int[Tensor, "*batch cells"]
) -> Bool[Tensor, "*batch"]:
    """Whether the most probable value is right in every cell."""
    return (logits.argmax(dim=-1) == target).all(dim=-1)


def supervision_loss(
    step: Step, target: Int[Tensor, "*batch cells"]
) -> Float[Tensor, ""]:
    """Cross-entropy of the cells, plus that of the logit that says "solved"."""
    if target.numel() == 0 or target.min() < 0:
        shape = tuple(target.shape)
        raise ValueError(f"no cells, or a negative target, of shape {shape}")
    logits, halt = upcast(step.logits), upcast(step.halt)
    cells = cross_entropy(logits.flatten(0, -2), target.flatten())
    right = solved(logits, target).to(halt.dtype)
    return cells + binary_cross_entropy_with_logits(halt, right)


def upcast(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """Half precision to float32: sums over a batch overflow in float16."""
    return x.float() if x.dtype.itemsize < 4 else x


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Exponential moving average (EMA) of the weights, in place."""
    if not 0 <= decay < 1:
        raise ValueError(f"{decay=} is not in [0, 1)")
    for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
        if mean.dtype.itemsize < 4:
            raise ValueError(
                f"small updates vanish in {mean.dtype}: average in float32"
            )
        if mean.shape != weight.shape:
            raise ValueError(f"{tuple(mean.shape)} averages {tuple(weight.shape)}")
        mean.lerp_(weight.to(mean.dtype), 1 - decay)
