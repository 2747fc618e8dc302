"""Fine-tuning a GPT as a classifier: the head, the last block, or all weights.

Radford et al. (2018), Improving Language Understanding by Generative Pre-Training, for
the last token.

Axes::

    batch    independent texts
    seq      tokens of the longest text; shorter ones are padded
    classes  that the head scores
"""

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
    model.lm_head.to(model.wte.weight)  # its device and number type
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
        If the batch is empty, a text has no token, or the shapes do not fit.

    Examples
    --------
    >>> scores = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]])
    >>> last_token(scores, torch.tensor([[1, 1, 0], [1, 1, 1]]))
    tensor([[2.],
            [6.]])
    """
    if scores.shape[:2] != mask.shape:
        raise ValueError(f"scores {tuple(scores.shape)}, mask {tuple(mask.shape)}")
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
