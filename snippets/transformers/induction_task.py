"""Texts that repeat a random block, and attention-only models that learn to copy it.

The task is a form of the repeated random tokens in Elhage et al. (2021),
https://transformer-circuits.pub/2021/framework/index.html.

Axes::

    batch   texts
    seq     symbols of a text; 24
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from snippets.transformers.gpt import GPT

SYMBOLS, SEQ, WIDTH = 16, 24, 32


class Texts(NamedTuple):
    """Symbols, and the positions at which the next symbol can be known."""

    ids: Int[Tensor, "batch seq"]
    known: Bool[Tensor, "batch seq"]


class NoUpdate(nn.Module):
    """In place of an MLP: adds nothing to the stream."""

    def forward(
        self, x: Float[Tensor, "batch seq d_model"]
    ) -> Float[Tensor, "batch seq d_model"]:
        return torch.zeros_like(x)


def texts(number: int, generator: torch.Generator) -> Texts:
    """Up to 5 random symbols, then a random block of 3 to 9 symbols, repeated.

    Symbols are drawn from 16 with equal probabilities. A position is ``known`` if its
    symbol and the next one are both copies.

    Raises
    ------
    ValueError
        If ``number`` is below 1.
    """
    if number < 1:
        raise ValueError(f"no texts: {number=}")
    period = torch.randint(3, 10, (number, 1), generator=generator)
    start = torch.randint(6, (number, 1), generator=generator)
    drawn = torch.randint(SYMBOLS, (2, number, SEQ), generator=generator)
    place = torch.arange(SEQ)
    block = drawn[0].gather(1, (place - start).remainder(period))
    ids = torch.where(place < start, drawn[1], block)
    known = (place >= start + period) & (place < SEQ - 1)
    return Texts(ids, known)


def follows(ids: Int[Tensor, "batch seq"]) -> Bool[Tensor, "batch seq seq"]:
    """True where the key comes right after an earlier copy of the query's symbol.

    Examples
    --------
    >>> follows(torch.tensor([[5, 6, 5]]))[0, 2]  # after the first 5 came 6
    tensor([False,  True, False])
    """
    same = ids[:, :, None] == ids[:, None].roll(1, dims=2)
    same[:, :, 0] = False  # nothing comes before the first key
    return same.tril()


def attention_only(layers: int, seed: int) -> GPT:
    """Blocks of one head without MLPs; positions begin as sines and cosines.

    In the first block, keys begin as queries, so similar positions attend to each
    other.
    """
    torch.manual_seed(seed)
    sizes = {"vocab": SYMBOLS, "n_positions": SEQ, "d_model": WIDTH, "heads": 1}
    model = GPT(**sizes, layers=layers, std=WIDTH**-0.5)
    for block in model.h:
        block.mlp = NoUpdate()
    half = WIDTH // 2
    angles = torch.arange(SEQ)[:, None] * 100 ** (-torch.arange(half) / half)
    with torch.no_grad():
        model.wpe.weight.copy_(torch.cat([angles.sin(), angles.cos()], dim=1))
        query, key, _ = model.h[0].attn.c_attn.weight.chunk(3)
        key.copy_(query)
    return model


def train(model: GPT, steps: int, seed: int, rate: float = 0.01) -> list[float]:
    """Train in place on batches of 64 new texts; the loss at known positions, in nats.

    AdamW; the rate rises for 20 steps and falls to zero in the last 30 %.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), rate, betas=(0.9, 0.99), fused=True
    )
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min((step + 1) / 20, 1, (steps - step) / (0.3 * steps))
        batch = texts(64, generator)
        loss = cross_entropy(model(batch.ids)[batch.known], targets(batch))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def targets(batch: Texts) -> Int[Tensor, " known"]:
    """The symbol after each known position."""
    return batch.ids.roll(-1, dims=1)[batch.known]


def accuracy(logits: Float[Tensor, "batch seq vocab"], batch: Texts) -> float:
    """Share of known positions whose largest logit is that of the next symbol."""
    found = logits.argmax(dim=-1)[batch.known]
    return (found == targets(batch)).double().mean().item()
