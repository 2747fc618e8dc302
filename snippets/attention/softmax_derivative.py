"""How strongly a softmax reacts to its scores: the size of its derivative.

Axes::

    batch     independent rows (any number of leading axes)
    kv_len    keys of a query: entries of a row of weights
    head_dim  features of a query and of a key
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


def query_derivative_norm(
    weights: Float[Tensor, "*batch kv_len"],
    key: Float[Tensor, "*batch kv_len head_dim"],
    scale: float,
) -> Float[Tensor, "*batch"]:
    """Frobenius norm of the derivative of each row of weights by its query.

    The scores are ``scale`` times the products of the query and the keys. By the chain
    rule, row ``j`` of the derivative is ``scale * weights[j]`` times the difference of
    key ``j`` and the weighted mean of the keys.

    Examples
    --------
    >>> key = torch.tensor([[1.0], [-1.0]])
    >>> query_derivative_norm(torch.tensor([0.5, 0.5]), key, scale=1.0)
    tensor(0.7071)
    """
    mean = weights[..., None, :] @ key
    return scale * (weights[..., None] * (key - mean)).norm(dim=(-2, -1))
