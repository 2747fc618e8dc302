"""Fit factors (K-LF) of Misra, Wan and McAuley (2018), and the order of sizes.

Glossary::

    alpha, b_u, b_p   offset, customer_biases, product_biases
    u, v              customer_factors, child_factors
    w                 weights

Axes::

    batch      purchases
    sizes      sizes of a product, from the smallest
    factors    entries of a factor; K in the text
"""

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor, nn

from snippets.recommenders.clothing_fit import (
    FitModel,
    Numbers,
    Scores,
    refuse_empty,
)
from snippets.recommenders.fit_world import Split


class FitFactors(FitModel):
    """K-LF: biases, and a product of factors of a customer and of a child product."""

    ordered = "child_factors"

    def __init__(self, customers: int, products: int, sizes: int, factors: int) -> None:
        super().__init__(customers, products, sizes)
        refuse_empty(factors=factors)
        self.offset = nn.Parameter(torch.zeros(1))
        self.customer_biases = nn.Parameter(torch.zeros(customers, 1))
        self.product_biases = nn.Parameter(torch.zeros(products, 1))
        u, v = 0.1 * torch.randn(customers, factors), torch.randn(products, 1, factors)
        v = (0.1 * v).repeat(1, sizes, 1)
        u[:, 0] += 1.0  # the first factor begins as the size
        v[:, :, 0] += torch.arange(sizes) - (sizes - 1) / 2
        self.customer_factors, self.child_factors = nn.Parameter(u), nn.Parameter(v)
        self.weights = nn.Parameter(torch.ones(3 + factors))

    def factors(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> tuple[Float[Tensor, "batch factors"], Float[Tensor, "batch factors"]]:
        """Of customers and of child products."""
        return self.customer_factors[customers], self.child_factors[products, sizes]

    def features(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> Float[Tensor, "batch features"]:
        """The vector that describes a purchase: offset, biases, product of factors."""
        u, v = self.factors(customers, products, sizes)
        biases = self.customer_biases[customers], self.product_biases[products]
        return torch.cat([self.offset.expand(len(u), 1), *biases, u * v], dim=1)

    def terms(
        self, customers: Numbers, products: Numbers, sizes: Numbers
    ) -> tuple[Scores, Scores]:
        """Scores, and the squares of factors; weighted features grow with the size."""
        u, v = self.factors(customers, products, sizes)
        features = self.features(customers, products, sizes)
        return -(features @ self.weights), (u**2 + v**2).sum(dim=-1)


def clip_order(
    new: Float[Tensor, "products sizes *factors"],
    old: Float[Tensor, "products sizes *factors"],
) -> Float[Tensor, "products sizes *factors"]:
    """Clip each child against its neighbors, from the smallest size to the largest.

    The smaller neighbor is clipped already; the larger one is that before the step.

    Examples
    --------
    >>> clip_order(torch.tensor([[1.0, 5.0, 3.0]]), torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[1., 3., 3.]])
    """
    clipped: list[Tensor] = []
    for size in range(new.shape[1]):
        child = new[:, size]
        if size > 0:
            child = torch.maximum(child, clipped[-1])
        if size + 1 < new.shape[1]:
            child = torch.minimum(child, old[:, size + 1])
        clipped.append(child)
    return torch.stack(clipped, dim=1)


def disordered(scores: Float[ndarray, "batch sizes"]) -> Bool[ndarray, " batch"]:
    """Rows in which some size has a higher score than a smaller one.

    Examples
    --------
    >>> disordered(np.array([[2.0, 1.0, 0.0], [2.0, 0.0, 1.0]]))
    array([False,  True])
    """
    return (np.diff(scores, axis=1) > 0).any(axis=1)


def standardized_features(
    model: FitFactors, split: Split
) -> list[Float[ndarray, "batch features"]]:
    """Features of all parts but the offset, with mean 0 and deviation 1 in training."""
    with torch.no_grad():
        found = [model.features(*part[:3])[:, 1:].numpy() for part in split]
    mean, deviation = found[0].mean(axis=0), found[0].std(axis=0)
    deviation[deviation == 0] = 1.0  # a constant says nothing
    return [(part - mean) / deviation for part in found]
