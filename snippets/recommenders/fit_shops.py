"""Two kinds of made-up shops, and customers who are new to them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from snippets.recommenders.fit_world import (
    Purchases,
    Split,
    World,
    by_time,
    draw_purchases,
    draw_world,
)


class Shop(NamedTuple):
    """How many of everything, and how much taste counts."""

    customers: int
    products: int
    purchases: int
    taste: float


DENSE, SPARSE = Shop(300, 60, 18_000, 1.1), Shop(800, 150, 16_000, 0.3)


class Drawn(NamedTuple):
    """A random shop, its purchases by time, and its thresholds."""

    world: World
    split: Split
    thresholds: Float[ndarray, "2"]


def draw_shops(shop: Shop, count: int) -> list[Drawn]:
    """Shops with the seeds 0, 1, and so on."""
    drawn = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        world = draw_world(shop.customers, shop.products, shop.taste, rng)
        purchases, thresholds = draw_purchases(world, shop.purchases, rng)
        drawn.append(Drawn(world, by_time(purchases), thresholds))
    return drawn


def draw_histories(
    one: Drawn, customers: int, count: int, rng: np.random.Generator
) -> Purchases:
    """`count` purchases of each of some new customers, customer by customer."""
    fresh = draw_world(customers, 1, one.world.taste, rng)
    world = one.world._replace(
        customer_sizes=fresh.customer_sizes, customer_tastes=fresh.customer_tastes
    )
    who = np.repeat(np.arange(customers), count)
    return draw_purchases(world, len(who), rng, one.thresholds, who)[0]
