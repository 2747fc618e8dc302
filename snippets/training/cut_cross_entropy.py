"""Cut cross-entropy: the loss of a language model without a matrix of all logits.

Wijmans et al. (2025), https://arxiv.org/abs/2411.09009. Symbols of the paper and our
names (the paper's E and C are transposed)::

    E, C        hidden (states), classifier (output matrix; one row for each token)
    x           targets
    LSE         lse (log-sum-exp of a row of logits)
    S           probabilities of one block
    epsilon     filter_eps
    N_B, V_B    token_block, vocab_block

Axes::

    tokens   positions whose next token is predicted
    labels   positions whose target is not ignored
    d_model  features of a hidden state
    vocab    tokens of the vocabulary
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from snippets.attention.flash_attention import at_least_float32, tiles
from snippets.training.pretraining import IGNORED

Hidden = Float[Tensor, "tokens d_model"]
Classifier = Float[Tensor, "vocab d_model"]
Targets = Int[Tensor, " tokens"]
PerToken = Float[Tensor, " tokens"]


class Gradients(NamedTuple):
    """Gradients of the sum of all losses, and which blocks they were computed from."""

    hidden: Hidden
    classifier: Classifier
    kept: Bool[Tensor, "token_blocks vocab_blocks"]


def cut_forward(
    hidden: Hidden,
    classifier: Classifier,
    targets: Targets,
    token_block: int,
    vocab_block: int,
) -> tuple[PerToken, PerToken]:
    """Loss and log-sum-exp of each token."""
    lse = at_least_float32(hidden.new_empty(len(hidden)))
    loss = torch.empty_like(lse)
    for rows in tiles(len(hidden), token_block):
        states = at_least_float32(hidden[rows])
        running = torch.full_like(lse[rows], -torch.inf)
        for columns in tiles(len(classifier), vocab_block):
            weights = at_least_float32(classifier[columns])
            block = (states @ weights.T).logsumexp(dim=-1)
            running = torch.logaddexp(running, block)
        correct = (states * classifier[targets[rows]]).sum(dim=-1)
        lse[rows] = running
        loss[rows] = running - correct
    return loss, lse


def vocabulary_order(hidden: Hidden, classifier: Classifier) -> Int[Tensor, " vocab"]:
    """Tokens from the highest to the lowest mean logit.

    The mean of the logits is the logit of the mean hidden state.

    Examples
    --------
    >>> hidden = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> vocabulary_order(hidden, torch.tensor([[0.0, 1.0], [5.0, 0.0], [2.0, 2.0]]))
    tensor([1, 2, 0])
    """
    mean = at_least_float32(hidden).mean(dim=0)
    return (at_least_float32(classifier) @ mean).argsort(descending=True)


def block_gradient(
    states: Float[Tensor, "rows d_model"],
    weights: Float[Tensor, "columns d_model"],
    lse: Float[Tensor, " rows"],
    is_target: Bool[Tensor, "rows columns"],
) -> Float[Tensor, "rows columns"]:
    """Derivative of the losses of some tokens by some of their logits.

    Examples
    --------
    Logits ln 1 and ln 3, of which the second is right: 1/4 - 0 and 3/4 - 1.

    >>> weights, lse = torch.tensor([[1.0], [3.0]]).log(), torch.tensor([4.0]).log()
    >>> block_gradient(torch.ones(1, 1), weights, lse, torch.tensor([[False, True]]))
    tensor([[ 0.2500, -0.2500]])
    """
    probabilities = (states @ weights.T).sub_(lse[:, None]).exp_()
    return probabilities.sub_(is_target.to(lse.dtype))


def cut_backward(
    hidden: Hidden,
    classifier: Classifier,
    targets: Targets,
    lse: PerToken,
    token_block: int,
    vocab_block: int,
    *,
    filter_eps: float = 0.0,
    order: Int[Tensor, " vocab"] | None = None,
) -> Gradients:
    """Gradients; each block of logits is computed again.

    Parameters
    ----------
    filter_eps
        Blocks in which no logit has a gradient of this size are skipped.
    order
        The order in which the vocabulary is cut into blocks.
    """
    wide = lse.dtype
    grad_hidden = torch.zeros_like(hidden, dtype=wide)
    grad_classifier = torch.zeros_like(classifier, dtype=wide)
    if order is None:
        order = torch.arange(len(classifier), device=classifier.device)
    vocab_blocks = tiles(len(classifier), vocab_block)
    kept = []
    for rows in tiles(len(hidden), token_block):
        states = hidden[rows].to(wide)
        for columns in vocab_blocks:
            ids = order[columns]
            weights = classifier[ids].to(wide)
            hits = targets[rows, None] == ids
            grad = block_gradient(states, weights, lse[rows], hits)
            kept.append(not grad.abs().amax() < filter_eps)  # NaN is kept
            if kept[-1]:
                grad_hidden[rows] += grad @ weights
                grad_classifier[ids] += grad.T @ states
    table = torch.tensor(kept).view(-1, len(vocab_blocks))
    return Gradients(grad_hidden, grad_classifier, table)


class CutCrossEntropy(torch.autograd.Function):
    """Forward and backward as one operation for autograd."""

    @staticmethod
    def forward(ctx, hidden, classifier, targets, filter_eps, *blocks):
        loss, lse = cut_forward(hidden, classifier, targets, *blocks)
        ctx.save_for_backward(hidden, classifier, targets, lse)
        ctx.filter_eps, ctx.blocks = filter_eps, blocks
        return loss.mean()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_loss):
        hidden, classifier, targets, _ = ctx.saved_tensors
        order = vocabulary_order(hidden, classifier) if ctx.filter_eps else None
        options = {"filter_eps": ctx.filter_eps, "order": order}
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
        If widths or lengths differ, no target is left, or a target is no token.
    """
    if hidden.shape != (len(targets), classifier.shape[1]):
        shapes = [tuple(x.shape) for x in (hidden, classifier, targets)]
        raise ValueError("hidden {}, classifier {}, targets {}".format(*shapes))
    keep = targets != ignore_index
    if not keep.any():
        raise ValueError(f"nothing to average: {len(keep)} targets, all {ignore_index}")
    if not keep.all():
        hidden, targets = hidden[keep], targets[keep]
    low, high = targets.aminmax()
    if low < 0 or high >= len(classifier):
        raise ValueError(f"targets {low} to {high} for {len(classifier)} tokens")
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
