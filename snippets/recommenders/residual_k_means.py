"""Residual k-means: codebooks that are fit to what the levels before have left.

faiss trains ``ResidualQuantizer`` level by level, too. The starts are those of Arthur
and Vassilvitskii (2007), from some of the vectors only.

Axes::

    batch   vectors
    levels  codebooks, from coarse to fine
    codes   entries of a codebook
    dim     width of a vector
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from snippets.classical.expectation_maximization import kmeans_plusplus
from snippets.recommenders.semantic_ids import check_finite, nearest_entry, single

PER_CODE = 16  # vectors for each code that may become starts


def k_means(
    x: Float[Tensor, "batch dim"], centers: Float[Tensor, "codes dim"], rounds: int = 10
) -> Float[Tensor, "codes dim"]:
    """Move each center to the mean of the vectors nearest to it, and repeat.

    A center without vectors stays.

    Examples
    --------
    >>> k_means(torch.tensor([[0.0], [2.0], [9.0]]), torch.tensor([[0.0], [5.0]]))
    tensor([[1.],
            [9.]])
    """
    for _ in range(rounds):
        nearest = nearest_entry(x, centers)
        count = nearest.bincount(minlength=len(centers))[:, None]
        sums = torch.zeros_like(centers).index_add(0, nearest, x)
        centers = torch.where(count > 0, sums / count.clamp(min=1), centers)
    return centers


def fit_codebooks(
    z: Float[Tensor, "batch dim"], levels: int, codes: int, seed: int = 0
) -> Float[Tensor, "levels codes dim"]:
    """Residual k-means: each level's entries are centers of its residuals.

    Raises
    ------
    ValueError
        If a level has fewer distinct residuals than codes, or a number is not finite.
    """
    check_finite(z)
    rng, residual, codebooks = np.random.default_rng(seed), single(z.detach()), []
    for level in range(1, levels + 1):
        distinct = residual.unique(dim=0)
        if len(distinct) < codes:
            raise ValueError(
                f"level {level}: {len(distinct)} distinct residuals for {codes} codes"
            )
        some = rng.permutation(len(distinct))[: PER_CODE * codes]
        starts = kmeans_plusplus(distinct[some].numpy(), codes, rng)
        codebook = k_means(residual, torch.from_numpy(starts).to(residual))
        residual = residual - codebook[nearest_entry(residual, codebook)]
        codebooks.append(codebook)
    return torch.stack(codebooks)
