"""The least contrastive loss of batches in which captions occur more than once.

Axes::

    pairs  images and their texts
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binom
from torch import Tensor


def loss_floor(captions: Int[Tensor, " pairs"]) -> Float[Tensor, ""]:
    """Bound from below on ``clip_loss``, if equal captions have equal embeddings.

    Parameters
    ----------
    captions
        A number for each caption; equal captions have equal numbers.

    Raises
    ------
    ValueError
        If there is no pair.

    Examples
    --------
    >>> import torch
    >>> loss_floor(torch.tensor([7, 3, 7, 7]))  # three times ln 3, once ln 1
    tensor(0.8240)
    """
    if not len(captions):
        raise ValueError("0 pairs have no mean loss")
    _, kind, count = captions.unique(return_inverse=True, return_counts=True)
    return count[kind].double().log().mean().float()


def expected_floor(pairs: int, kinds: int) -> float:
    """Mean ``loss_floor`` of batches with ``kinds`` equally likely captions.

    Raises
    ------
    ValueError
        If there is no pair or no kind.
    """
    if min(pairs, kinds) < 1:
        raise ValueError(f"{pairs} pairs of {kinds} kinds")
    others = np.arange(pairs)  # with the same caption
    return float(binom.pmf(others, pairs - 1, 1 / kinds) @ np.log1p(others))
