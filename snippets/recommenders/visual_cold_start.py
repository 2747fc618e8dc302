"""Recommend new items from their photos: align photos with vectors of clicks.

An item without clicks has no vector of its own. An encoder that learned to map the
photos of older items to their vectors gives it one (van den Oord et al., 2013, with
audio). Contrastive alignment: Wei et al. (2021), https://arxiv.org/abs/2107.05315.

Symbols of the page -> names here::

    u, v       users, items    vectors that a factorization of the clicks gives
    e(x)       photo_vectors   what the encoder makes of the photos
    tau        temperature

Axes::

    users    one row for each
    items    those with clicks
    factors  entries of a vector
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from snippets.generative.clip import clip_logits, clip_loss


class Factors(NamedTuple):
    """Vectors whose products approximate the clicks."""

    users: Float[ndarray, "users factors"]
    items: Float[ndarray, "items factors"]


def click_factors(
    clicks: Bool[ndarray, "users items"],
    factors: int,
) -> Factors:
    """Truncated singular value decomposition of the clicks minus each item's mean.

    Users and items get the square root of each singular value.

    Raises
    ------
    ValueError
        If there are not as many factors as that.

    Examples
    --------
    >>> clicks = np.array([[True, False], [True, False], [False, True], [False, True]])
    >>> users, items = click_factors(clicks, factors=1)
    >>> (users @ items.T).round(1)
    array([[ 0.5, -0.5],
           [ 0.5, -0.5],
           [-0.5,  0.5],
           [-0.5,  0.5]])
    """
    if not 0 < factors <= min(clicks.shape):
        raise ValueError(f"{factors} factors of clicks of shape {clicks.shape}")
    centered = clicks - clicks.mean(axis=0)
    left, values, right = np.linalg.svd(centered, full_matrices=False)
    root = np.sqrt(values[:factors])
    return Factors(left[:, :factors] * root, right[:factors].T * root)


def check_pairs(photo_vectors: Tensor, items: Tensor) -> None:
    """Refuse photos and items that are not pairs."""
    if photo_vectors.shape != items.shape:
        shapes = tuple(photo_vectors.shape), tuple(items.shape)
        raise ValueError("{} photo vectors and {} item vectors".format(*shapes))


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that is not positive and finite."""
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be positive and finite, got {temperature}")


def regression_loss(
    photo_vectors: Float[Tensor, "items factors"], items: Float[Tensor, "_ _"]
) -> Float[Tensor, ""]:
    """Mean squared distance of each photo's vector from the vector of its item.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    check_pairs(photo_vectors, items)
    return (photo_vectors - items).square().sum(dim=1).mean()


def contrastive_loss(
    photo_vectors: Float[Tensor, "items factors"],
    items: Float[Tensor, "_ _"],
    temperature: float = 0.2,
) -> Float[Tensor, ""]:
    """InfoNCE: which item belongs to the photo, and which photo to the item?

    Raises
    ------
    ValueError
        If the shapes differ, or the temperature is not positive.
    """
    check_pairs(photo_vectors, items)
    check_temperature(temperature)
    scale = torch.tensor(-math.log(temperature), dtype=items.dtype)
    return clip_loss(clip_logits(photo_vectors, items, scale))
