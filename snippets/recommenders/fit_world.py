"""A made-up shop in which size and taste decide whether clothes fit.

A customer has a size and three tastes; a product runs small or large, and suits tastes.
The true score is the customer's size minus that of the child product, plus `taste`
times the products of tastes, plus noise. Customers choose a size near the right one,
with errors, and ignore taste. Purchases stand in the order of time.

Axes::

    batch    purchases
    sizes    five of each product, one unit apart
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

SIZES, TASTES, UNFIT, NOISE = 5, 3, 0.14, 0.25


class Purchases(NamedTuple):
    """One entry for each purchase, from the first to the last."""

    customers: Int[Tensor, " batch"]
    products: Int[Tensor, " batch"]
    sizes: Int[Tensor, " batch"]
    labels: Int[Tensor, " batch"]
    """0 small, 1 fit, 2 large."""
    outcomes: Int[Tensor, "batch sizes"]
    """The label that each size would have got: no model sees it."""

    def take(self, chosen: slice | Tensor) -> "Purchases":
        """The purchases that a slice or numbers choose."""
        return Purchases(*(column[chosen] for column in self))


class Split(NamedTuple):
    """Purchases by time: to learn from, to choose settings, and to test."""

    train: Purchases
    validation: Purchases
    test: Purchases


def by_time(purchases: Purchases, ends: tuple[float, float] = (0.7, 0.8)) -> Split:
    """The first 70 %, the next 10 %, and the last 20 % of the purchases."""
    first, second = (round(end * len(purchases.labels)) for end in ends)
    if not 0 < first < second < len(purchases.labels):
        counts = f"{first}, {second - first} of {len(purchases.labels)}"
        raise ValueError(f"{counts} purchases for training and validation")
    parts = slice(first), slice(first, second), slice(second, None)
    return Split(*(purchases.take(part) for part in parts))


class World(NamedTuple):
    """What is true of customers and products."""

    customer_sizes: Float[ndarray, " customers"]
    customer_tastes: Float[ndarray, "customers tastes"]
    product_sizes: Float[ndarray, " products"]
    product_tastes: Float[ndarray, "products tastes"]
    taste: float
    noise: float

    def scores(
        self, customers: Int[ndarray, " batch"], products: Int[ndarray, " batch"]
    ) -> Float[ndarray, "batch sizes"]:
        """True scores of all sizes, without noise."""
        tastes = (self.customer_tastes[customers] * self.product_tastes[products]).sum(
            axis=1
        )
        size = self.customer_sizes[customers] - self.product_sizes[products]
        center = size + self.taste * tastes / np.sqrt(TASTES)
        return center[:, None] - (np.arange(SIZES) - (SIZES - 1) / 2)


def draw_world(
    customers: int, products: int, taste: float, rng: np.random.Generator
) -> World:
    """Random customers and products."""
    return World(
        rng.normal(size=customers),
        rng.normal(size=(customers, TASTES)),
        rng.normal(scale=0.4, size=products),
        rng.normal(size=(products, TASTES)),
        taste,
        NOISE,
    )


def draw_purchases(
    world: World,
    count: int,
    rng: np.random.Generator,
    thresholds: Float[ndarray, "2"] | None = None,
    customers: Int[ndarray, " batch"] | None = None,
) -> tuple[Purchases, Float[ndarray, "2"]]:
    """Random purchases, and the thresholds that leave 14 % too small and too large."""
    if customers is None:
        customers = rng.integers(len(world.customer_sizes), size=count)
    products = rng.integers(len(world.product_sizes), size=count)
    wanted = world.customer_sizes[customers] - world.product_sizes[products]
    wanted = np.round(wanted + rng.normal(scale=0.5, size=count)) + (SIZES - 1) // 2
    sizes = np.clip(wanted, 0, SIZES - 1).astype(int)
    noise = rng.normal(scale=world.noise, size=(count, 1))
    scores = world.scores(customers, products) + noise
    if thresholds is None:
        bought = scores[np.arange(count), sizes]
        thresholds = np.quantile(bought, [UNFIT, 1 - UNFIT])
    outcomes = np.where(
        scores > thresholds[1], 0, np.where(scores < thresholds[0], 2, 1)
    )
    labels = outcomes[np.arange(count), sizes]
    columns = customers, products, sizes, labels, outcomes
    return Purchases(*(torch.as_tensor(one) for one in columns)), thresholds
