"""A catalog whose content is nested in topics, and clicks that depend on it.

Axes::

    items     of the catalog
    features  width of a content embedding
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

TOPICS, SUBTOPICS, LEAVES = 8, 8, 4  # subtopics of a topic, leaves of a subtopic


class Catalog(NamedTuple):
    content: Float[Tensor, "items features"]
    """The sum of a vector of the topic, the subtopic, the leaf, and noise."""
    leaf: Int[ndarray, " items"]
    """From 0 to 255; four in a row share a subtopic, and 32 share a topic."""

    @property
    def subtopic(self) -> Int[ndarray, " items"]:
        return self.leaf // LEAVES

    @property
    def topic(self) -> Int[ndarray, " items"]:
        return self.subtopic // SUBTOPICS


class Clicks(NamedTuple):
    chance: Float[ndarray, " items"]
    """Probability that an impression of the item is clicked."""
    popularity: Float[ndarray, " items"]
    """Probability that an impression is one of this item; 0 for new items."""
    shown: Int[ndarray, " items"]
    clicked: Int[ndarray, " items"]


def draw_catalog(items: int, seed: int, features: int = 32) -> Catalog:
    """Content of variance 1, most of it between topics."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (TOPICS, 1, 1), (TOPICS, SUBTOPICS, 1), (TOPICS, SUBTOPICS, LEAVES)
    vectors = sum(
        scale * torch.randn(*shape, features, generator=generator)
        for scale, shape in zip((3.0, 1.2, 0.5), shapes, strict=True)
    )
    leaf = torch.randint(TOPICS * SUBTOPICS * LEAVES, (items,), generator=generator)
    noise = 0.1 * torch.randn(items, features, generator=generator)
    content = vectors.flatten(end_dim=2)[leaf] + noise
    return Catalog(content / content.std(), leaf.numpy())


def draw_clicks(
    leaf: Int[ndarray, " items"], new: Bool[ndarray, " items"], shown: int, seed: int
) -> Clicks:
    """Impressions of all items but the new ones; few items have most of them.

    The log-odds of a click are a sum of normal numbers: one of the subtopic (standard
    deviation 1.2), one of the leaf (0.6), and one of the item itself (0.8).

    Raises
    ------
    ValueError
        If all items are new.
    """
    if new.all():
        raise ValueError(f"all {len(new)} items are new, so none can be shown")
    rng, known = np.random.default_rng(seed), (~new).sum()
    subtopic = 1.2 * rng.standard_normal(TOPICS * SUBTOPICS)[leaf // LEAVES]
    leaves = 0.6 * rng.standard_normal(TOPICS * SUBTOPICS * LEAVES)[leaf]
    log_odds = subtopic + leaves + 0.8 * rng.standard_normal(len(leaf))
    chance = 1 / (1 + np.exp(-log_odds))
    popularity = np.zeros(len(leaf))
    popularity[~new] = 1 / rng.permutation(np.arange(1, known + 1)) ** 0.7
    popularity /= popularity.sum()
    times = rng.multinomial(shown, popularity)
    return Clicks(chance, popularity, times, rng.binomial(times, chance))


def purity(
    groups: Int[ndarray, "items columns"], labels: Int[ndarray, " items"]
) -> float:
    """Share of items that have the most frequent label of their group.

    A group is the items with equal rows.

    Examples
    --------
    >>> purity(np.array([[0], [0], [0], [7]]), np.array([1, 1, 2, 2]))
    0.75
    """
    _, group = np.unique(groups, axis=0, return_inverse=True)
    counts = np.zeros((group.max() + 1, labels.max() + 1))
    np.add.at(counts, (group.ravel(), labels), 1)
    return float(counts.max(axis=1).sum() / len(labels))
