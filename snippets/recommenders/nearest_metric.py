"""Large margin nearest neighbor (LMNN): a linear map in which classes stand apart.

Weinberger and Saul (2009). The rule that chooses prototypes is ours; Misra, Wan and
McAuley (2018) have one that leaves out the same kinds of samples.

Glossary::

    L               transform      row vectors x become x L'
    j ~> i          targets        the k nearest samples of the same class
    mu              push           weight of the push; the pull has 1 - mu

Axes::

    samples   points with a label
    features  coordinates of a point
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

Points = Float[Tensor, "samples features"]
Labels = Int[Tensor, " samples"]


def squared_distances(points: Points) -> Float[Tensor, "samples samples"]:
    """Between all pairs; the mean is taken away, or large coordinates would cancel."""
    points = points - points.mean(dim=0)
    squares = (points**2).sum(dim=1)
    return squares[:, None] + squares - 2 * points @ points.T


def target_neighbors(
    points: Points, labels: Labels, k: int
) -> Int[Tensor, "samples k"]:
    """The nearest samples of the same class, fixed before training.

    Raises
    ------
    ValueError
        If a class has no more than k samples, if there is one class only, or if a
        coordinate is not finite.

    Examples
    --------
    >>> line, classes = torch.tensor([[0.0], [1.0], [3.0], [9.0]]), [0, 0, 1, 1]
    >>> target_neighbors(line, torch.tensor(classes), 1).T
    tensor([[1, 0, 3, 2]])
    """
    counts = labels.unique(return_counts=True)[1].tolist()
    if k < 1 or len(counts) < 2 or min(counts) <= k:
        raise ValueError(f"{k} targets in classes of {counts} samples")
    if not points.isfinite().all():
        raise ValueError(f"{(~points.isfinite()).sum()} coordinates are not finite")
    distances = squared_distances(points)
    other = labels[:, None] != labels
    distances = distances.masked_fill(other, torch.inf).fill_diagonal_(torch.inf)
    return distances.topk(k, largest=False).indices


def lmnn_loss(
    transform: Float[Tensor, "kept features"],
    points: Points,
    labels: Labels,
    targets: Int[Tensor, "samples k"],
    push: float = 0.5,
) -> Float[Tensor, ""]:
    """Pull targets close, and push other classes one unit farther than the targets."""
    distances = squared_distances(points @ transform.T)
    pulled = distances.gather(1, targets)
    excess = torch.relu(1 + pulled[:, :, None] - distances[:, None, :])
    other = (labels[:, None] != labels)[:, None, :]
    return (1 - push) * pulled.sum() + push * (excess * other).sum()


def fit_lmnn(
    points: Points,
    labels: Labels,
    start: Float[Tensor, "kept features"],
    k: int = 3,
    push: float = 0.5,
    steps: int = 60,
) -> Float[Tensor, "kept features"]:
    """A transform of small loss, by Adam from `start`."""
    targets = target_neighbors(points, labels, k)
    transform = start.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([transform], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        (lmnn_loss(transform, points, labels, targets, push) / len(points)).backward()
        optimizer.step()
    return transform.detach()


def balanced_sample(
    labels: Int[ndarray, " samples"], per_class: int, rng: np.random.Generator
) -> Int[ndarray, " chosen"]:
    """Numbers of equally many random samples of each class."""
    counts = np.unique(labels, return_counts=True)[1]
    if not 0 < per_class <= counts.min():
        raise ValueError(f"{per_class} of each class, but classes have {counts}")
    found = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return np.concatenate([rng.choice(one, per_class, replace=False) for one in found])


def prototypes(
    points: Float[ndarray, "samples features"],
    labels: Int[ndarray, " samples"],
    per_class: int,
    gap: float,
    rng: np.random.Generator,
    edges: tuple[float, float] = (0.05, 0.95),
) -> Int[ndarray, " chosen"]:
    """Samples of each class that are neither outliers nor close to others.

    In each class, samples are ranked by their distance from the mean, and those beyond
    the two quantiles `edges` are left out. Of the others, in random order, we keep each
    that is more than `gap` from those kept before.
    """
    if per_class < 1 or not gap >= 0:
        raise ValueError(f"{per_class} prototypes of each class, {gap} apart")
    chosen = []
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        far = np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1)
        low, high = np.quantile(far, edges)
        kept: list[int] = []
        for one in members[(far >= low) & (far <= high)]:
            near = np.linalg.norm(points[kept] - points[one], axis=1)
            if len(kept) < per_class and (near > gap).all():
                kept.append(one)
        chosen += kept
    return np.array(chosen)
