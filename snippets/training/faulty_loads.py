"""Checkpoints that are loaded with a fault, of which no shape gives notice.

Axes::

    rows  of c_attn: queries, keys, values; in each, one head after the other
"""

from collections.abc import Mapping
from copy import deepcopy

import torch
from jaxtyping import Int
from torch import Tensor, nn

from snippets.training.pretrained_weights import load
from snippets.transformers.gpt import GPT


def without(state: Mapping[str, Tensor], name: str, model: GPT) -> GPT:
    """Load all but one tensor: with ``strict=False``, the model keeps its own.

    Raises
    ------
    ValueError
        If the model has no such tensor.
    """
    if name not in model.state_dict():
        raise ValueError(f"the model has no {name}")
    gone = {name, "lm_head.weight"} if name == "wte.weight" else {name}
    kept = {other: tensor for other, tensor in state.items() if other not in gone}
    model.load_state_dict(kept, strict=False)
    return model


def reordered(model: GPT, rows: Int[Tensor, " rows"]) -> GPT:
    """A copy whose rows of each ``c_attn`` are in another order."""
    new = deepcopy(model)
    state = model.state_dict()
    load(new, {n: t[rows] if ".c_attn." in n else t for n, t in state.items()})
    return new


def keys_first(model: GPT) -> GPT:
    """The loader takes queries for keys, and keys for queries."""
    thirds = torch.arange(3 * model.ln_f.weight.numel()).view(3, -1)
    return reordered(model, thirds[[1, 0, 2]].flatten())


def head_by_head(model: GPT) -> GPT:
    """The loader expects the query, key and value of one head side by side."""
    size, heads = model.ln_f.weight.numel(), model.h[0].attn.heads
    rows = torch.arange(3 * size).view(heads, 3, -1).transpose(0, 1)
    return reordered(model, rows.flatten())


def with_heads(model: GPT, heads: int) -> GPT:
    """As many heads as asked for; all shapes stay the same.

    Raises
    ------
    ValueError
        If ``heads`` does not divide the width.
    """
    size = model.ln_f.weight.numel()
    if heads < 1 or size % heads:
        raise ValueError(f"{size} features cannot be split into {heads} heads")
    new = deepcopy(model)
    for block in new.h:
        block.attn.heads = heads
    return new


def not_transposed(model: GPT) -> GPT:
    """The square matrix of each attention layer is left as it was in the file."""
    new = deepcopy(model)
    state = model.state_dict()
    load(new, {n: t.T if "attn.c_proj.w" in n else t for n, t in state.items()})
    return new


def rounded(model: GPT, dtype: torch.dtype) -> GPT:
    """Weights that went through a smaller type."""
    new = deepcopy(model)
    load(new, {name: tensor.to(dtype) for name, tensor in model.state_dict().items()})
    return new


def exact_gelu(model: GPT) -> GPT:
    """The error function in place of its approximation by tanh."""
    new = deepcopy(model)
    for block in new.h:
        block.mlp = nn.Sequential(block.mlp.c_fc, nn.GELU(), block.mlp.c_proj)
    return new


def with_epsilon(model: GPT, epsilon: float) -> GPT:
    """Another constant in every layer norm."""
    new = deepcopy(model)
    for module in new.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = epsilon
    return new


FAULTS = {
    "4 heads instead of 2": lambda model: with_heads(model, 4),
    "q, k, v expected head by head": head_by_head,
    "attn.c_proj not transposed": not_transposed,
    "queries and keys exchanged": keys_first,
    "weights rounded to bfloat16": lambda model: rounded(model, torch.bfloat16),
    "weights rounded to float16": lambda model: rounded(model, torch.float16),
    "exact GELU": exact_gelu,
    "epsilon 1e-6 instead of 1e-5": lambda model: with_epsilon(model, 1e-6),
    "none": lambda model: model,
}
