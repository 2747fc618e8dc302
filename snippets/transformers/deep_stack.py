"""Stacks of blocks that read a language of five symbols, trained side by side.

The language is :mod:`snippets.positions.symbol_language`: the two symbols before a
position name the next one by a fixed table, except for 10 % of the positions, where
any symbol may come.

Axes::

    models   stacks that are trained side by side
    steps    updates, each on new texts
    batch    texts of one model in one step
    seq      positions
    tokens   of a text, with the one that the last position predicts; ``seq + 1``
    symbols  5
"""

from copy import deepcopy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.positions.symbol_language import SYMBOLS, next_symbol, texts
from snippets.transformers.transformer_block import GPT2Block, PostNormBlock

SEQ, BATCH = 12, 8


class Stack(nn.Module):
    """Embeddings of symbols and positions, blocks, a last norm, and a linear head.

    The blocks begin as Xavier proposed: a matrix has the variance 2 / (rows + columns).
    """

    def __init__(self, blocks: list[nn.Module], last: nn.Module, d_model: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(2 * SYMBOLS, d_model)  # the first is a topic
        self.position = nn.Parameter(torch.randn(SEQ, d_model))
        self.blocks = nn.ModuleList(blocks)
        self.last = last
        self.head = nn.Linear(d_model, SYMBOLS)
        for parameter in self.blocks.parameters():
            if parameter.ndim == 2:
                nn.init.xavier_normal_(parameter)

    def forward(
        self, text: Int[Tensor, "batch seq"]
    ) -> Float[Tensor, "batch seq symbols"]:
        x = self.embedding(text) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.last(x))


def stack(
    kind: type[GPT2Block], layers: int, *, d_model: int = 32, heads: int = 2
) -> Stack:
    """Blocks of one kind; post-norm already ends in a norm, pre-norm needs one more."""
    blocks = [kind(d_model=d_model, heads=heads) for _ in range(layers)]
    last = nn.Identity() if kind is PostNormBlock else nn.LayerNorm(d_model)
    return Stack(blocks, last, d_model)


def rate_factors(steps: int, warm_up: list[int]) -> Float[Tensor, "steps models"]:
    """Part of the full learning rate: a linear rise over ``warm_up`` steps, or none.

    In the last quarter, the rate falls linearly to zero.

    Raises
    ------
    ValueError
        If a warm-up has less than one step.

    Examples
    --------
    >>> rate_factors(8, [1, 4]).T
    tensor([[1.0000, 1.0000, 1.0000, 1.0000, 1.0000, 1.0000, 1.0000, 0.5000],
            [0.2500, 0.5000, 0.7500, 1.0000, 1.0000, 1.0000, 1.0000, 0.5000]])
    """
    if min(warm_up) < 1:
        raise ValueError(f"a warm_up of {min(warm_up)} steps has no first step")
    step = torch.arange(steps)[:, None]
    rise = (step + 1) / torch.tensor(warm_up)
    return rise.clamp(max=1) * ((steps - step) / (steps / 4)).clamp(max=1)


def train(
    models: list[Stack], steps: int, rate: float, warm_up: list[int], seed: int = 0
) -> Float[Tensor, "steps models"]:
    """Excess loss of each model on each batch, before the step on that batch.

    It is the Kullback-Leibler divergence from the language, in nats. Batches are new
    and the same for all models. The models themselves stay as they are. Adam.
    """
    parameters, _ = stack_module_state(models)
    first = deepcopy(models[0])
    apply = vmap(lambda own, text: functional_call(first, own, (text,)), (0, None))
    optimizer = torch.optim.Adam(parameters.values(), rate, fused=True)
    drawn = texts(steps * BATCH, SEQ + 1, seed).unflatten(0, (steps, BATCH))
    history = []
    for text, factors in zip(drawn, rate_factors(steps, warm_up), strict=True):
        optimizer.zero_grad()
        logits = apply(parameters, text[:, :-1])[..., 2:, :]  # two symbols are free
        target = text[:, 3:].expand(len(models), -1, -1)
        # the sum over models: each has its own gradient
        loss = cross_entropy(logits.flatten(0, -2), target.flatten())
        (len(models) * loss).backward()
        before = [stacked.detach().clone() for stacked in parameters.values()]
        optimizer.step()
        with torch.no_grad():  # a step of Adam is proportional to its rate
            for stacked, old in zip(parameters.values(), before, strict=True):
                factor = factors.view(-1, *[1] * (old.ndim - 1))
                stacked.copy_(old.lerp(stacked, factor))
        history.append(logits.detach())
    truth = next_symbol()[drawn[:, :, 1:-2], drawn[:, :, 2:-1]].unsqueeze(1)
    excess = truth * (truth.log() - torch.stack(history).log_softmax(-1))
    return excess.sum(-1).mean((2, 3))
