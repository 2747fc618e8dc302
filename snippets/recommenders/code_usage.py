"""How many codes of a codebook are in use, and how unused entries are replaced.

Replacing them by vectors of the batch is from Zeghidour et al. (2021),
https://arxiv.org/abs/2107.03312

Axes::

    runs    models that are trained side by side, if any
    batch   items
    levels  codebooks
    codes   entries of a codebook
    dim     width of a latent vector
"""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.functional import one_hot

Entries = Float[Tensor, "*runs levels codes dim"]
Shares = Float[Tensor, "*runs levels codes"]

UNUSED = 0.1  # an entry is replaced below this part of an equal share


def code_shares(codes: Int[Tensor, "*runs batch levels"], size: int) -> Shares:
    """Share of the batch that each code of each level has.

    Raises
    ------
    ValueError
        If there are no codes, or one is not in the codebook.
    """
    if not codes.numel():
        raise ValueError(f"no codes: their shape is {tuple(codes.shape)}")
    if not 0 <= codes.min() <= codes.max() < size:
        raise ValueError(f"codes {codes.min()} to {codes.max()}, but {size} entries")
    return one_hot(codes, size).sum(dim=-3) / codes.shape[-2]


def perplexity(
    codes: Int[Tensor, "*runs batch levels"], size: int
) -> Float[Tensor, "*runs levels"]:
    """Exponential of the entropy of each level's codes.

    Examples
    --------
    Four codes in equal use, and one:

    >>> perplexity(torch.tensor([[0, 0], [1, 0], [2, 0], [3, 0]]), size=8)
    tensor([4., 1.])
    """
    return torch.special.entr(code_shares(codes, size)).sum(dim=-1).exp()


def replace_unused(
    codebooks: Entries,
    shares: Shares,
    residuals: Float[Tensor, "*runs levels batch dim"],
    generator: Generator,
) -> tuple[
    Float[Tensor, "*runs levels codes dim"], Float[Tensor, "*runs levels codes"]
]:
    """Put unused entries on residuals of the batch, and give them an equal share."""
    equal = 1 / codebooks.shape[-2]
    unused = shares < UNUSED * equal
    drawn = torch.randint(residuals.shape[-2], shares.shape, generator=generator)
    fresh = residuals.take_along_dim(drawn[..., None], dim=-2)
    replaced = torch.where(unused[..., None], fresh, codebooks)
    return replaced, shares.where(~unused, equal)
