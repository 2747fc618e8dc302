"""Eight labelled normal distributions on a circle, and how far samples are from them.

MMD: Gretton et al. (2012), https://jmlr.org/papers/v13/gretton12a.html, lemma 6 (the
unbiased estimate), with a Gaussian kernel.

Axes::

    points   samples in the plane
    others   samples that they are compared with
    classes  labels
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from snippets.generative.diffusion import gaussian_noise

CLASSES, RADIUS, STD = 8, 2.0, 0.35


def centers() -> Float[Tensor, "classes 2"]:
    """Mean of each class."""
    angle = torch.arange(CLASSES) * 2 * math.pi / CLASSES
    return RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)


class Points(NamedTuple):
    """Samples with their labels."""

    x: Float[Tensor, "points 2"]
    label: Int[Tensor, " points"]


def draw_points(count: int, generator: torch.Generator) -> Points:
    """Samples of all classes, each equally likely."""
    label = torch.randint(CLASSES, (count,), generator=generator)
    noise = torch.randn(count, 2, generator=generator)
    return Points(centers()[label] + STD * noise, label)


def exact_noise(
    x_t: Float[Tensor, "points 2"],
    alpha_bar: Float[Tensor, ""],
    label: Int[Tensor, " points"] | None = None,
) -> Float[Tensor, "points 2"]:
    """Mean of the noise given x_t and the label; without labels, given x_t alone."""
    mean = centers().to(x_t.dtype)
    if label is not None:
        return gaussian_noise(x_t, alpha_bar, mean[label], STD)
    variance = alpha_bar * STD**2 + 1 - alpha_bar
    distance = torch.cdist(x_t, alpha_bar.sqrt() * mean).square()
    weight = (-distance / (2 * variance)).softmax(dim=1)  # p(class | x_t)
    return gaussian_noise(x_t, alpha_bar, weight @ mean, STD)


def accuracy(
    x: Float[Tensor, "points 2"], label: Int[Tensor, " points"]
) -> Float[Tensor, ""]:
    """Share of points that are nearest to the center of their label."""
    return (torch.cdist(x, centers()).argmin(dim=1) == label).float().mean()


def class_std(
    x: Float[Tensor, "points 2"], label: Int[Tensor, " points"]
) -> Float[Tensor, ""]:
    """Standard deviation about the mean of the class, over points and coordinates.

    Raises
    ------
    ValueError
        If a class that occurs has fewer than two points.
    """
    groups = [x[label == k] for k in label.unique()]
    if not groups or min(map(len, groups)) < 2:
        raise ValueError(f"each class needs two points; there are {len(label)} points")
    deviations = torch.cat([group - group.mean(dim=0) for group in groups])
    free = 2 * (len(x) - len(groups))
    return (deviations.square().sum() / free).sqrt()


def mmd2(
    x: Float[Tensor, "points 2"], y: Float[Tensor, "others 2"], bandwidth: float = 0.5
) -> Float[Tensor, ""]:
    """Squared maximum mean discrepancy; 0 on average if both have one distribution.

    Raises
    ------
    ValueError
        If a set has fewer than two points, or ``bandwidth`` is not positive.
    """
    if min(len(x), len(y)) < 2 or not bandwidth > 0:
        raise ValueError(f"{len(x)} and {len(y)} points, {bandwidth=}")

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (-torch.cdist(a, b).square() / (2 * bandwidth**2)).exp()

    def within(a: Tensor) -> Tensor:
        return (kernel(a, a).sum() - len(a)) / (len(a) * (len(a) - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()
