"""LoRA: a frozen weight matrix plus a trained update of low rank.

Hu et al. (2021), LoRA, https://arxiv.org/abs/2106.09685, section 4.1. Names of the
parts are those of peft.

Symbols::

    W_0       base_layer    h       what the adapted layer returns
    A, B      lora_A, lora_B        alpha   lora_alpha
    r         the rank              alpha/r scaling

Axes::

    in_features   that the adapted layer reads
    out_features  that it returns
    rank          of the update
"""

import math
from collections.abc import Iterable
from copy import deepcopy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from snippets.training.classifier_finetuning import count_trainable, train_only
from snippets.transformers.gpt import GPT


class LoRALinear(nn.Module):
    """A frozen linear layer plus a trained update of low rank, which begins at zero.

    Raises
    ------
    ValueError
        If the rank is below 1 or above the smaller side of the weight, or
        ``lora_alpha`` is below 1.

    Examples
    --------
    >>> layer = LoRALinear(nn.Linear(12, 9), r=2, lora_alpha=4)
    >>> layer.scaling, layer.lora_A.shape, layer.lora_B.shape
    (2.0, torch.Size([2, 12]), torch.Size([9, 2]))
    """

    def __init__(self, base_layer: nn.Linear, r: int, lora_alpha: int) -> None:
        super().__init__()
        rows, columns = base_layer.weight.shape
        if not 1 <= r <= min(rows, columns) or not lora_alpha >= 1:
            raise ValueError(f"no LoRA of {r=}, {lora_alpha=} for {rows} x {columns}")
        self.base_layer = base_layer.requires_grad_(False)
        self.scaling = lora_alpha / r
        self.lora_A = nn.Parameter(base_layer.weight.new_empty(r, columns))
        self.lora_B = nn.Parameter(base_layer.weight.new_zeros(rows, r))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))  # as peft does

    def forward(
        self, x: Float[Tensor, "*batch in_features"]
    ) -> Float[Tensor, "*batch out_features"]:
        update = x @ self.lora_A.mT @ self.lora_B.mT  # the small products first
        return self.base_layer(x) + self.scaling * update

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """One linear layer with the same output."""
        layer = deepcopy(self.base_layer)
        layer.weight += self.scaling * (self.lora_B @ self.lora_A)
        return layer


def add_lora(model: GPT, targets: Iterable[str], r: int, lora_alpha: int) -> int:
    """Freeze all but the head; adapt layers in place; return the numbers to train.

    ``targets`` are ends of names, such as ``"c_attn"`` or ``"attn.c_proj"``.

    Raises
    ------
    ValueError
        If a target fits no linear layer.
    """
    chosen = {}  # all are checked before the model changes
    for target in targets:
        found = [n for n, _ in model.named_modules() if f".{n}".endswith(f".{target}")]
        if not found:
            raise ValueError(f"no layer has a name that ends with {target!r}")
        chosen |= {name: model.get_submodule(name) for name in found}
    for name, layer in chosen.items():
        if not isinstance(layer, nn.Linear):
            raise ValueError(f"{name} is no linear layer: {type(layer).__name__}")
    train_only(model, "head")
    for name, layer in chosen.items():
        model.set_submodule(name, LoRALinear(layer, r, lora_alpha))
    return count_trainable(model)


def merge_lora(model: GPT) -> GPT:
    """A copy in which each adapted layer is one linear layer again."""
    model = deepcopy(model)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoRALinear):
            model.set_submodule(name, layer.merged())
    return model
