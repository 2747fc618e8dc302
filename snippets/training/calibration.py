"""Calibration: does a classifier that says 80 % have 80 % of these answers right?

Guo et al. (2017), On Calibration of Modern Neural Networks,
https://arxiv.org/abs/1706.04599: reliability diagram, expected calibration error, and
temperature scaling.

Symbols::

    p-hat   confidence, the largest probability     acc(B_m)   accuracy of a bin
    M       bins                                    conf(B_m)  confidence of a bin
    z       logits                                  T          temperature

Axes::

    texts    that were classified
    classes  that there are
    bins     intervals of confidence
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy


class Reliability(NamedTuple):
    """What is drawn for each bin; means of empty bins are NaN."""

    count: Int[Tensor, " bins"]
    confidence: Float[Tensor, " bins"]
    accuracy: Float[Tensor, " bins"]


def checked(
    logits: Float[Tensor, "texts classes"], labels: Int[Tensor, " texts"]
) -> Float[Tensor, "texts classes"]:
    """Logits in double precision.

    Raises
    ------
    ValueError
        If there is no text, a label is missing or no class, or a logit is not finite.
    """
    texts, classes = logits.shape
    if labels.shape != (texts,):
        raise ValueError(f"labels {tuple(labels.shape)} for {texts} texts")
    if not texts or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"{texts} texts, labels {labels.unique().tolist()}, {classes=}"
        )
    if not logits.isfinite().all():
        raise ValueError(f"{(~logits.isfinite()).sum()} logits are not finite")
    return logits.double()


def reliability(
    logits: Float[Tensor, "texts classes"],
    labels: Int[Tensor, " texts"],
    bins: int = 15,
) -> Reliability:
    """Mean confidence and accuracy of the texts in each bin.

    Bin m holds the confidences above (m - 1) / bins, up to and including m / bins.

    Raises
    ------
    ValueError
        As :func:`checked`, or if there is no bin.

    Examples
    --------
    >>> logits = torch.tensor([[0.7, 0.3], [0.9, 0.1], [0.2, 0.8]]).log()
    >>> reliability(logits, torch.tensor([0, 1, 1]), bins=4).accuracy
    tensor([   nan,    nan, 1.0000, 0.5000], dtype=torch.float64)
    """
    if bins < 1:
        raise ValueError(f"no diagram with {bins=}")
    probability, choice = checked(logits, labels).softmax(dim=-1).max(dim=-1)
    edges = torch.arange(1, bins, dtype=probability.dtype) / bins
    place = torch.bucketize(probability, edges)  # on an edge: the lower bin
    count = place.bincount(minlength=bins)
    confidence = place.bincount(probability, minlength=bins) / count
    right = (choice == labels).double()
    return Reliability(count, confidence, place.bincount(right, minlength=bins) / count)


def expected_calibration_error(
    logits: Float[Tensor, "texts classes"],
    labels: Int[Tensor, " texts"],
    bins: int = 15,
) -> Float[Tensor, ""]:
    """Mean over the texts of | accuracy - confidence | of their bin.

    Examples
    --------
    Bins (0.5, 0.75] and (0.75, 1]: 1/3 * 0.3 + 2/3 * 0.35.

    >>> logits = torch.tensor([[0.7, 0.3], [0.9, 0.1], [0.2, 0.8]]).log()
    >>> expected_calibration_error(logits, torch.tensor([0, 1, 1]), bins=4)
    tensor(0.3333, dtype=torch.float64)
    """
    found = reliability(logits, labels, bins)
    gap = (found.accuracy - found.confidence).abs().nan_to_num()  # empty bins: 0
    return (found.count * gap).sum() / found.count.sum()


def fit_temperature(
    logits: Float[Tensor, "texts classes"], labels: Int[Tensor, " texts"]
) -> float:
    """The T > 0 for which logits / T have the smallest cross-entropy.

    The loss is convex in 1 / T. Its slope is the expected logit minus the right one,
    averaged over texts; we halve an interval in which the slope changes its sign.

    Raises
    ------
    ValueError
        As :func:`checked`, or if the loss has no minimum at a T between 1e-4 and 1e4
        times the largest logit: all answers are right, or the right logit is on
        average no larger than the others.
    """
    z = checked(logits, labels)
    z = z - z.mean(dim=-1, keepdim=True)
    scale = z.abs().max().item() or 1.0
    z = z / scale
    right = z.gather(1, labels[:, None].long())[:, 0]

    def slope(t: float) -> float:
        expected = ((z / t).softmax(dim=-1) * z).sum(dim=-1)
        return (expected - right).mean().item()

    low, high = -4.0, 4.0  # of log10 T; the slope falls with T
    if not slope(10**low) > 0 > slope(10**high):
        raise ValueError(f"no temperature fits: slopes {slope(1e-4)}, {slope(1e4)}")
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if slope(10**middle) > 0 else (low, middle)
    return scale * 10**low


def negative_log_likelihood(
    logits: Float[Tensor, "texts classes"], labels: Int[Tensor, " texts"]
) -> Float[Tensor, ""]:
    """Mean of -log p(label) in nats."""
    return cross_entropy(checked(logits, labels), labels.long())
