"""A linear probe: what can be read off frozen features by a linear map?

The method of ``sklearn.linear_model.RidgeClassifier``, on standardized features.

Symbols::

    alpha    penalty

Axes::

    batch    examples with known labels
    tested   examples to label (``others`` for each class)
    classes  labels
    runs     encoders that are probed, each by a probe of its own
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from snippets.generative.text_pretexts import GroupEncoder


def linear_probe(
    features: Float[Tensor, "batch features"],
    labels: Int[Tensor, " batch"],
    tested: Float[Tensor, "tested features"],
    penalty: float = 10.0,
) -> Int[Tensor, " tested"]:
    """Labels by ridge regression to 1 and -1; the features are first standardized.

    Raises
    ------
    ValueError
        If there are no examples, only one label, or ``penalty`` is not above 0.

    Examples
    --------
    >>> features = torch.tensor([[0.0], [1.0], [9.0], [8.0]])
    >>> labels = torch.tensor([0, 0, 1, 1])
    >>> linear_probe(features, labels, torch.tensor([[2.0], [7.0]]))
    tensor([0, 1])
    """
    if len(labels.unique()) < 2 or not penalty > 0:
        raise ValueError(f"{labels.unique().tolist()} are the labels, {penalty=}")
    mean, std = features.double().mean(0), features.double().std(0, correction=0)
    std = torch.where(std > 0, std, 1)
    known, new = ((x.double() - mean) / std for x in (features, tested))
    targets = 2 * one_hot(labels.long()).double() - 1
    apart = targets - targets.mean(0)
    gram = known.T @ known + penalty * torch.eye(known.shape[1], dtype=known.dtype)
    weight = torch.linalg.solve(gram, known.T @ apart)
    return (new @ weight + targets.mean(0)).argmax(dim=1)


def share_right(
    known: Float[Tensor, "classes count features"],
    new: Float[Tensor, "classes others features"],
) -> float:
    """Fit a probe to the features of known examples; how many new ones are right?

    Examples
    --------
    >>> share_right(torch.tensor([[[0.0]], [[9.0]]]), torch.tensor([[[1.0]], [[2.0]]]))
    0.5
    """
    labels = torch.arange(len(known))[:, None]
    fitted = labels.expand(known.shape[:2]).flatten()
    found = linear_probe(known.flatten(0, 1), fitted, new.flatten(0, 1))
    return (found.unflatten(0, (len(new), -1)) == labels).double().mean().item()


@torch.no_grad()
def probe_scores(
    encoder: GroupEncoder,
    known: Int[Tensor, "classes count words"],
    new: Int[Tensor, "classes others words"],
) -> list[float]:
    """The share of new examples that the probe of each run gets right."""
    runs, sides = len(encoder.table), []
    for words in (known, new):
        groups = encoder.features(words.flatten(0, 1).expand(runs, -1, -1))
        sides.append(groups.unflatten(1, words.shape[:2]))
    return [share_right(*sides_of_run) for sides_of_run in zip(*sides, strict=True)]
