"""A model whose linear layers are quantized: record inputs, round, and judge.

Frantar et al. (2022), https://arxiv.org/abs/2210.17323, sections 3 and 4

Axes::

    texts    passages of a text
    seq      tokens of a passage
    outputs  rows of a weight
    inputs   columns of a weight
    samples  tokens whose inputs were recorded, ``texts * seq``
"""

from collections.abc import Callable
from copy import deepcopy

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

Rounding = Callable[[Tensor, Tensor], Tensor]  # of a weight and its recorded inputs


def linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The layers to quantize: all linear ones but the output head."""
    return {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name != "lm_head"
    }


@torch.no_grad()
def record_inputs(
    model: nn.Module, tokens: Int[Tensor, "texts seq"]
) -> dict[str, Float[Tensor, "samples inputs"]]:
    """What each linear layer is given while ``model`` reads the passages."""
    recorded, hooks = {}, []
    for name, layer in linear_layers(model).items():

        def keep(module, args, name=name):
            recorded[name] = args[0].flatten(0, -2)

        hooks.append(layer.register_forward_pre_hook(keep))
    model(tokens)
    for hook in hooks:
        hook.remove()
    return recorded


def quantized(
    model: nn.Module, recorded: dict[str, Tensor], rounding: Rounding
) -> nn.Module:
    """A copy with rounded weights, still stored as floating-point numbers."""
    model = deepcopy(model)
    for name, layer in linear_layers(model).items():
        layer.weight.data = rounding(layer.weight.data, recorded[name])
    return model


@torch.no_grad()
def perplexity(model: nn.Module, tokens: Int[Tensor, "texts seq"]) -> float:
    """Exponential of the mean loss per token; guessing gives the vocabulary's size."""
    logits = model.lm_head(model(tokens[:, :-1]))
    return cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).exp().item()
