"""Fine-tuning a GPT as a classifier: the head, the last block, all weights, or LoRA.

Radford et al. (2018), Improving Language Understanding by Generative Pre-Training, for
the last token; Hu et al. (2021), LoRA, https://arxiv.org/abs/2106.09685, section 4.1,
for the low-rank update. Names of LoRA's parts are those of peft.

Symbols::

    W_0       base_layer    h       what the adapted layer returns
    A, B      lora_A, lora_B        alpha   lora_alpha
    r         the rank              alpha/r scaling

Axes::

    batch         independent texts
    seq           tokens of the longest text; shorter ones are padded on the right
    classes       that the head scores
    in_features   that the adapted layer reads
    out_features  that it returns
    rank          of the update
"""

import math
from collections.abc import Iterable
from copy import deepcopy

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from snippets.transformers.gpt import GPT


def as_classifier(gpt: GPT, classes: int) -> GPT:
    """A copy whose head scores classes instead of tokens, from zero weights.

    Raises
    ------
    ValueError
        If there are fewer than two classes.

    Examples
    --------
    >>> gpt = GPT(vocab=11, n_positions=8, d_model=24, layers=2, heads=3)
    >>> as_classifier(gpt, 2)(torch.tensor([[1, 2, 3]])).shape
    torch.Size([1, 3, 2])
    """
    if classes < 2:
        raise ValueError(f"a classifier of {classes} classes has nothing to decide")
    model = deepcopy(gpt)
    model.lm_head = nn.Linear(model.wte.embedding_dim, classes, bias=False)
    nn.init.zeros_(model.lm_head.weight)  # all classes begin with equal probability
    return model


def last_token(
    scores: Float[Tensor, "batch seq features"],
    mask: Bool[Tensor, "batch seq"] | Int[Tensor, "batch seq"],
) -> Float[Tensor, "batch features"]:
    """The row of the last token of each text that is no padding.

    ``mask`` is not 0 where there is a token.

    Raises
    ------
    ValueError
        If the batch is empty or a text has no token.

    Examples
    --------
    >>> scores = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    >>> last_token(scores, torch.tensor([[1, 1, 0], [1, 1, 1]]))
    tensor([[2.],
            [6.]])
    """
    real = mask != 0
    if not len(real) or not real.any(dim=1).all():
        empty = (~real.any(dim=1)).nonzero().flatten().tolist()
        raise ValueError(f"batch of {len(real)} texts, without a token: {empty}")
    places = torch.arange(real.shape[1], device=real.device)
    last = (places * real).argmax(dim=1)
    return scores[torch.arange(len(scores), device=scores.device), last]


def train_only(model: GPT, part: str) -> int:
    """Freeze all weights but a part; return how many numbers are left to train.

    Parameters
    ----------
    part
        ``"head"``, ``"last block"`` (with the final norm and the head), or ``"all"``.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    starts = {
        "head": ("lm_head.",),
        "last block": ("lm_head.", "ln_f.", f"h.{len(model.h) - 1}."),
        "all": ("",),
    }
    if part not in starts:
        raise ValueError(f"no part {part!r}, only {list(starts)}")
    for name, weight in model.named_parameters():
        weight.requires_grad_(name.startswith(starts[part]))
    return count_trainable(model)


def count_trainable(model: nn.Module) -> int:
    """Numbers that the optimizer may change; tied weights count once."""
    return sum(w.numel() for w in model.parameters() if w.requires_grad)


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
        if not 1 <= r <= min(rows, columns) or lora_alpha < 1:
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
    train_only(model, "head")
    for target in targets:
        names = [n for n, _ in model.named_modules() if f".{n}".endswith(f".{target}")]
        if not names:
            raise ValueError(f"no layer has a name that ends with {target!r}")
        for name in names:
            layer = model.get_submodule(name)
            if not isinstance(layer, nn.Linear):
                raise ValueError(f"{name} is no linear layer: {type(layer).__name__}")
            model.set_submodule(name, LoRALinear(layer, r, lora_alpha))
    return count_trainable(model)


def merge_lora(model: GPT) -> GPT:
    """A copy in which each adapted layer is one linear layer again."""
    model = deepcopy(model)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, LoRALinear):
            model.set_submodule(name, layer.merged())
    return model
