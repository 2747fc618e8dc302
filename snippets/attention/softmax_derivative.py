"""How strongly a softmax reacts to its scores: the size of its derivative.

Axes::

    batch   independent rows (any number of leading axes)
    kv_len  keys of a query: entries of a row of weights
"""

import torch
from jaxtyping import Float
from torch import Tensor


def derivative_norm(weights: Float[Tensor, "*batch kv_len"]) -> Float[Tensor, "*batch"]:
    """Frobenius norm of the derivative of each row of weights with respect to scores.

    The derivative of ``weights = scores.softmax(-1)`` is the matrix
    ``diag(weights) - weights weightsᵀ``.

    Examples
    --------
    Equal weights react to their scores; a weight of one no longer does:

    >>> derivative_norm(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([0.5000, 0.0000])
    """
    slopes = torch.diag_embed(weights) - weights[..., None] * weights[..., None, :]
    return slopes.norm(dim=(-2, -1))
