"""What the two heads of a trained :func:`.attention_only` model do, from its weights.

Elhage et al. (2021), https://transformer-circuits.pub/2021/framework/index.html

Axes::

    batch, seq   texts and their symbols
    symbols      16; rows are those that a circuit reads
    known        positions at which the next symbol can be known
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.transformers.gpt import GPT
from snippets.transformers.induction_task import Texts, accuracy, follows, targets
from snippets.transformers.transformer_algebra import (
    centered,
    circuits,
    embeddings,
    head_weights,
)


class WeightCircuits(NamedTuple):
    """Products of weights; they need no text.

    ``where``: scores between positions in head 0.0. ``match``: scores in head 1.0 of a
    symbol (row) with a key that head 0.0 wrote for a symbol (column). ``copied``: what
    head 1.0 adds to each logit (column) after reading a symbol (row).
    """

    where: Float[Tensor, "seq seq"]
    match: Float[Tensor, "symbols symbols"]
    copied: Float[Tensor, "symbols symbols"]


@torch.no_grad()
def weight_circuits(model: GPT) -> WeightCircuits:
    """Multiply out an attention-only model of two blocks with one head each.

    The scales of the norms, positive numbers, are left out, and so are all biases.

    Raises
    ------
    ValueError
        If the model has another number of blocks or heads.
    """
    heads = [block.attn.heads for block in model.h]
    if heads != [1, 1]:
        raise ValueError(f"blocks with {heads} heads; two with one head are needed")
    first, second = (circuits(block.attn, 0) for block in model.h)
    norm_0, norm_1 = (block.ln_1 for block in model.h)
    places = centered(model.wpe.weight, norm_0)
    keys = centered(centered(model.wte.weight, norm_0) @ first.ov, norm_1)
    symbols = centered(model.wte.weight, norm_1)
    return WeightCircuits(
        places @ first.qk @ places.T,
        symbols @ second.qk @ keys.T,
        model.lm_head(centered(symbols @ second.ov, model.ln_f)),
    )


@torch.no_grad()
def attention_maps(
    model: GPT, ids: Int[Tensor, "batch seq"]
) -> list[Float[Tensor, "batch seq seq"]]:
    """Attention weights of head 0 of each block."""
    x, found = sum(embeddings(model, ids)), []
    for block in model.h:
        head_dim = x.shape[-1] // block.attn.heads
        head = circuits(block.attn, 0)
        found.append(head_weights(block.ln_1(x), head, head_dim))
        x = block(x)
    return found


def lead(
    logits: Float[Tensor, "batch seq symbols"], batch: Texts
) -> Float[Tensor, " known"]:
    """Logit of the next symbol minus the mean of all logits, at known positions."""
    there = logits[batch.known]
    right = there.gather(1, targets(batch)[:, None])[:, 0]
    return right - there.mean(dim=1)


def attention_shares(
    maps: list[Float[Tensor, "batch seq seq"]], batch: Texts
) -> dict[str, Float[Tensor, ""]]:
    """Mean weights: of the previous position in the first map, and ``follows`` later.

    ``even`` is what ``follows`` would be with equal weights, ``even_previous`` what
    ``previous`` would be.
    """
    first, second = maps
    after, seen = follows(batch.ids), torch.arange(1, batch.ids.shape[1] + 1)
    return {
        "previous": first.diagonal(-1, 1, 2).mean(),
        "follows": (second * after).sum(dim=-1)[batch.known].mean(),
        "even": (after.sum(dim=-1) / seen)[batch.known].mean(),
        "even_previous": (1 / seen[1:]).mean(),
    }


def largest_on(
    circuit: Float[Tensor, "rows columns"], offset: int
) -> Float[Tensor, ""]:
    """Share of rows whose largest entry is on a diagonal; causal if it is not 0."""
    if offset:
        later = torch.ones_like(circuit, dtype=torch.bool).triu(1)
        circuit = circuit.masked_fill(later, -torch.inf)
    best = circuit.argmax(dim=1) - torch.arange(len(circuit))
    return (best == offset)[-min(offset, 0) :].double().mean()


@torch.no_grad()
def accuracy_without(model: GPT, layer: int, batch: Texts) -> float:
    """Accuracy if attention in one block returns its mean over the texts (ablation)."""
    hook = model.h[layer].attn.register_forward_hook(
        lambda module, inputs, out: out.mean(0, keepdim=True).expand_as(out)
    )
    try:
        return accuracy(model(batch.ids), batch)
    finally:
        hook.remove()


def measurements(model: GPT, batch: Texts) -> dict[str, Tensor | float]:
    """Attention weights, shares of rows on a diagonal, and an ablation."""
    where, match, copied = weight_circuits(model)
    return attention_shares(attention_maps(model, batch.ids), batch) | {
        "where": largest_on(where, -1),
        "match": largest_on(match, 0),
        "copied": largest_on(copied, 0),
        "without": accuracy_without(model, 0, batch),
    }
