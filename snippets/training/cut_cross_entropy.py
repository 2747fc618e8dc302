"""Cut cross-entropy: the loss of a language model without a matrix of all logits.

Wijmans et al. (2025), https://arxiv.org/abs/2411.09009; the two passes, and the names,
are those of :mod:`snippets.training.cut_cross_entropy_passes`.

Axes::

    tokens   positions whose next token is predicted
    labels   positions whose target is not ignored
    d_model  features of a hidden state
    vocab    tokens of the vocabulary
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from snippets.training.cut_cross_entropy_passes import (
    Classifier,
    Hidden,
    Targets,
    cut_backward,
    cut_forward,
    vocabulary_order,
)
from snippets.training.pretraining import IGNORED


class CutCrossEntropy(torch.autograd.Function):
    """Forward and backward as one operation for autograd.

    Both compute the logits and have to round alike, or probabilities do not add up to
    1. So ``torch.autocast``, which is off in most backward passes, is off in both.
    """

    @staticmethod
    def forward(ctx, hidden, classifier, targets, filter_eps, *blocks):
        with torch.autocast(hidden.device.type, enabled=False):
            loss, lse = cut_forward(hidden, classifier, targets, *blocks)
        ctx.save_for_backward(hidden, classifier, targets, lse)
        ctx.filter_eps, ctx.blocks = filter_eps, blocks
        return loss.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss):
        hidden, classifier, targets, _ = ctx.saved_tensors
        options = {"filter_eps": ctx.filter_eps}
        with torch.autocast(hidden.device.type, enabled=False):
            if ctx.filter_eps:
                options["order"] = vocabulary_order(hidden, classifier)
            grads = cut_backward(*ctx.saved_tensors, *ctx.blocks, **options)
        scale = grad_loss / len(targets)
        to_hidden = grads.hidden.mul_(scale).to(hidden.dtype)
        to_classifier = grads.classifier.mul_(scale).to(classifier.dtype)
        return to_hidden, to_classifier, None, None, None, None


def labeled(
    hidden: Hidden, classifier: Classifier, targets: Targets, ignore_index: int
) -> tuple[Float[Tensor, "labels d_model"], Int[Tensor, " labels"]]:
    """Hidden states and targets without the positions that are ignored.

    Raises
    ------
    ValueError
        If widths or lengths differ, or no target is left.
    """
    if hidden.shape != (len(targets), classifier.shape[1]):
        shapes = [tuple(x.shape) for x in (hidden, classifier, targets)]
        raise ValueError("hidden {}, classifier {}, targets {}".format(*shapes))
    keep = targets != ignore_index
    if not keep.any():
        raise ValueError(f"nothing to average: {len(keep)} targets, all {ignore_index}")
    if not keep.all():
        hidden, targets = hidden[keep], targets[keep]
    return hidden, targets.long()


def cut_cross_entropy(
    hidden: Hidden,
    classifier: Classifier,
    targets: Targets,
    *,
    ignore_index: int = IGNORED,
    filter_eps: float = 0.0,
    token_block: int = 256,
    vocab_block: int = 512,
) -> Float[Tensor, ""]:
    """Mean loss; equal to ``cross_entropy(hidden @ classifier.T, targets)``.

    Parameters
    ----------
    filter_eps
        As in :func:`cut_backward`, with the vocabulary sorted; 0 is exact.

    Raises
    ------
    ValueError
        If shapes do not fit, no target is left, a target is no token, a block is empty,
        or ``filter_eps`` is not at least 0 and below 1.

    Examples
    --------
    Two tokens with the logits ln 1 and ln 3, so that their probabilities are 1/4, 3/4:

    >>> hidden, classifier = torch.ones(1, 1), torch.tensor([[1.0], [3.0]]).log()
    >>> cut_cross_entropy(hidden, classifier, torch.tensor([1])).exp()
    tensor(1.3333)
    """
    if min(token_block, vocab_block) < 1 or not 0 <= filter_eps < 1:
        raise ValueError(f"{token_block=}, {vocab_block=}, {filter_eps=}")
    hidden, targets = labeled(hidden, classifier, targets, ignore_index)
    blocks = token_block, vocab_block
    return CutCrossEntropy.apply(hidden, classifier, targets, filter_eps, *blocks)
