"""Several models trained side by side: stacked weights, one call, a loss for each.

Axes::

    models  of one kind, each with its own weights
    batch   rows of one model
    seq     tokens of a row
    seq_1   positions that answer for the next token
    vocab   tokens that there are
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.functional import cross_entropy

from snippets.training.pretraining import IGNORED

Weights = dict[str, Tensor]


def side_by_side(
    models: Sequence[nn.Module],
) -> tuple[Weights, Callable[[Weights, Tensor], Tensor]]:
    """Weights, stacked by name, and the models as one function of these and an input.

    A weight requires a gradient if it does in the models.

    Examples
    --------
    >>> import torch
    >>> weights, apply = side_by_side([nn.Linear(3, 2) for _ in range(5)])
    >>> weights["weight"].shape, apply(weights, torch.zeros(5, 7, 3)).shape
    (torch.Size([5, 2, 3]), torch.Size([5, 7, 2]))
    """
    weights, _ = stack_module_state(list(models))
    one = deepcopy(models[0])
    return weights, vmap(lambda own, x: functional_call(one, own, (x,)))


def hand_back(models: Sequence[nn.Module], weights: Weights) -> None:
    """Copy the weights of each run into its model."""
    for number, model in enumerate(models):
        own = {name: weight[number] for name, weight in weights.items()}
        model.load_state_dict(own, strict=False)  # a tied weight has one name here


def mean_losses(
    logits: Float[Tensor, "models batch seq_1 vocab"],
    labels: Int[Tensor, "models batch seq"],
) -> Float[Tensor, " models"]:
    """Mean of -log p over the labels of each model that are not ignored.

    The logits of position t - 1 answer for the label of position t.

    Raises
    ------
    ValueError
        If all labels of a model are masked.
    """
    right = labels[..., 1:]
    count = (right != IGNORED).sum(dim=(1, 2))
    if (count == 0).any():
        raise ValueError(f"labels that are not masked, by model: {count.tolist()}")
    loss = cross_entropy(
        logits.flatten(0, -2), right.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return loss.view_as(right).sum(dim=(1, 2)) / count
