"""Cut cross-entropy, block by block: the forward pass, the backward pass, the filter.

Wijmans et al. (2025), https://arxiv.org/abs/2411.09009. Symbols of the paper and our
names (the paper's E and C are transposed)::

    E, C        hidden (states), classifier (output matrix; one row for each token)
    x           targets
    LSE         lse (log-sum-exp of a row of logits)
    S           probabilities of one block
    epsilon     filter_eps
    N_B, V_B    token_block, vocab_block

Axes::

    tokens   positions whose next token is predicted; all have a target
    d_model  features of a hidden state
    vocab    tokens of the vocabulary
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from snippets.attention.flash_attention import at_least_float32, tiles

Hidden = Float[Tensor, "tokens d_model"]
Classifier = Float[Tensor, "vocab d_model"]
Targets = Int[Tensor, " tokens"]
PerToken = Float[Tensor, " tokens"]


class Gradients(NamedTuple):
    """Gradients of the sum of all losses, and which blocks they were computed from."""

    hidden: Hidden
    classifier: Classifier
    kept: Bool[Tensor, "token_blocks vocab_blocks"]


def check_targets(targets: Targets, vocab: int) -> None:
    """Refuse what is no token: a negative index would read the weights of another."""
    if ((targets < 0) | (targets >= vocab)).any():
        low, high = targets.aminmax()
        raise ValueError(f"targets {low} to {high} for {vocab} tokens")


def cut_forward(
    hidden: Hidden,
    classifier: Classifier,
    targets: Targets,
    token_block: int,
    vocab_block: int,
) -> tuple[PerToken, PerToken]:
    """Loss and log-sum-exp of each token."""
    check_targets(targets, len(classifier))
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

    Raises
    ------
    ValueError
        If ``order`` does not name each token once.
    """
    wide = lse.dtype
    grad_hidden = torch.zeros_like(hidden, dtype=wide)
    grad_classifier = torch.zeros_like(classifier, dtype=wide)
    every = torch.arange(len(classifier), device=classifier.device)
    order = every if order is None else order
    if not torch.equal(order.sort().values, every):
        raise ValueError(f"order has to name each of {len(every)} tokens once")
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
