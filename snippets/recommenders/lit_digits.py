"""A shop with a known truth: photos of digits under a lamp, and users who click.

Axes::

    items   1797 handwritten digits of scikit-learn: warm ones, then cold ones
    pixels  64 of each photo
    users   one row for each
    groups  10: digits, or directions of the light
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from sklearn.datasets import load_digits

from snippets.recommenders.ranked_lists import recall_at_k, top_k

WARM, GROUPS, USERS = 1400, 10, 600


class Photos(NamedTuple):
    """One entry for each item, in random order: the first WARM are warm."""

    pixels: Float[ndarray, "items pixels"]
    digits: Int[ndarray, " items"]
    heavy: Bool[ndarray, " items"]
    """Whether it has more ink than the median of its digit."""
    directions: Float[ndarray, " items"]
    """Where the light comes from, in radians, from 0 to 2 pi."""

    @property
    def lights(self) -> Int[ndarray, " items"]:
        """Which tenth of the circle the light comes from."""
        return (self.directions / (2 * math.pi) * GROUPS).astype(int)


class Shop(NamedTuple):
    """What users did, and why; users without a warm or a cold click are left out."""

    warm: Bool[ndarray, "users warm"]
    """Clicks on items with a history."""
    cold: Bool[ndarray, "users cold"]
    """Clicks on new items, to be predicted."""
    chances: Float[ndarray, "users cold"]
    """Probability of each of these clicks."""
    liked: Bool[ndarray, "users groups"]


def lamp_light(directions: Float[ndarray, " items"]) -> Float[ndarray, "items pixels"]:
    """Brightness from -1 to 1 along an axis, more across; darkest far from the lamp.

    Examples
    --------
    >>> lamp_light(np.zeros(1)).reshape(8, 8)[3, [0, -1]]
    array([-1.,  1.])
    """
    down, right = np.meshgrid(*2 * [np.linspace(-1, 1, 8)], indexing="ij")
    light = np.stack([right.ravel(), down.ravel()])
    return np.stack([np.cos(directions), np.sin(directions)], axis=1) @ light


def draw_photos(seed: int, lamp: float = 1.2) -> Photos:
    """Each digit once, brightness from 0 to 1, plus ``lamp`` times a random light."""
    rng = np.random.default_rng([seed, 0])
    images, digits = load_digits(return_X_y=True)
    ink = images.sum(axis=1)
    medians = np.array([np.median(ink[digits == digit]) for digit in range(GROUPS)])
    order = rng.permutation(len(digits))
    directions = rng.uniform(0, 2 * math.pi, len(digits))
    pixels = images[order] / 16 + lamp * lamp_light(directions)
    heavy = (ink > medians[digits])[order]
    return Photos(pixels, digits[order], heavy, directions)


def check_groups(groups: ndarray, items: int) -> None:
    """Refuse groups that are not of these items, or do not exist."""
    if groups.shape != (items,):
        raise ValueError(f"{groups.shape} groups of {items} items")
    if not 0 <= groups.min() <= groups.max() < GROUPS:
        raise ValueError(f"groups from {groups.min()} to {groups.max()} of {GROUPS}")


def draw_shop(photos: Photos, groups: Int[ndarray, " _"], seed: int) -> Shop:
    """Clicks of users who like each group with probability 0.2, and one weight of ink.

    A click has probability 0.004, plus 0.25 if the user likes the item's group and
    weight, plus 0.15625 if only the group.

    Raises
    ------
    ValueError
        If an item has no group from 0 to 9.
    """
    check_groups(groups, len(photos.digits))
    rng = np.random.default_rng([seed, 1])
    liked = rng.random((USERS, GROUPS)) < 0.2
    heavy = rng.random((USERS, 1)) < 0.5
    weight = np.where(heavy == photos.heavy, 0.25, 0.15625)
    chances = 0.004 + weight * liked[:, groups]
    clicks = rng.random(chances.shape) < chances
    warm, cold = np.split(clicks, [WARM], axis=1)
    kept = warm.any(axis=1) & cold.any(axis=1)
    return Shop(warm[kept], cold[kept], chances[kept, WARM:], liked[kept])


def cold_recall(scores: Float[ndarray, "users cold"], shop: Shop, k: int = 20) -> float:
    """Recall of the k new items with the highest scores, averaged over users."""
    seen = np.zeros(scores.shape, dtype=bool)
    return recall_at_k(top_k(scores, seen, k), shop.cold)
