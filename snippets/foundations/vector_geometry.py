"""Vector geometry: what angles, sums and matrix products of vectors mean.

Mikolov, Yih and Zweig (2013), https://aclanthology.org/N13-1090; Levy and Goldberg
(2014), https://aclanthology.org/W14-1618; Elhage et al. (2022),
https://arxiv.org/abs/2209.10652

Glossary::

    a, a*, b     a, a_star, b   a is to a* as b is to the answer
    3CosAdd      cos_add        the score by which the answer is chosen
    PMI(w, c)    pmi            pointwise mutual information
    U S V^T      left, stretch, right   singular value decomposition

Axes::

    vocab     words, one vector each
    contexts  words near which they are counted
    features  coordinates of a vector
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def cosine(
    x: Float[Tensor, "*batch features"], y: Float[Tensor, "*batch features"]
) -> Float[Tensor, "*batch"]:
    """Cosine of the angle between two vectors; 0 if one of them is zero.

    Examples
    --------
    >>> cosine(torch.tensor([3.0, 4.0]), torch.tensor([4.0, 3.0]))  # 24 / (5 * 5)
    tensor(0.9600)
    """
    return (unit(x) * unit(y)).sum(dim=-1)


def unit(x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch features"]:
    """The vector of length one in the same direction; zero stays zero.

    Divided by its largest entry first, so that no square overflows or vanishes. Then
    the length is 1 or more, except of zero, and clamping it changes zero alone.

    Examples
    --------
    >>> unit(torch.tensor([[0.0, 0.0], [3e30, 4e30]]))
    tensor([[0.0000, 0.0000],
            [0.6000, 0.8000]])
    """
    largest = x.detach().abs().amax(dim=-1, keepdim=True)
    x = x / largest.where(largest > 0, 1)
    return x / x.norm(dim=-1, keepdim=True).clamp(min=0.5)


def room(features: int, largest: float) -> int:
    """Number of directions that exist with no cosine beyond plus or minus ``largest``.

    A lower bound. The cosine of a random pair is outside with a probability of at most
    ``2 * exp(-features * largest**2 / 2)``, so this many random directions have no such
    pair with a probability above zero.

    Raises
    ------
    ValueError
        If ``largest`` is not a cosine between 0 and 1.
    OverflowError
        If the number is beyond the range of a float.

    Examples
    --------
    >>> room(1024, largest=0.2)  # exp(10.24)
    28001
    """
    if not 0 < largest < 1:
        raise ValueError(f"a cosine between 0 and 1 is expected: {largest=}")
    return math.floor(math.exp(features * largest**2 / 4))


def pmi(
    counts: Float[Tensor, "vocab contexts"], smoothing: float = 1.0
) -> Float[Tensor, "vocab contexts"]:
    """Logarithm of the factor by which a pair is more common than by chance.

    Half precision becomes single precision, as the sum of all counts may exceed 65504.

    Raises
    ------
    ValueError
        If a count is negative, or a zero would become minus infinity.
    """
    joint = counts.to(torch.promote_types(counts.dtype, torch.float32)) + smoothing
    if not (joint > 0).all():
        raise ValueError(
            f"counts must exceed -smoothing: {counts.min()=}, {smoothing=}"
        )
    joint = joint / joint.sum()
    chance = joint.sum(dim=1, keepdim=True) * joint.sum(dim=0, keepdim=True)
    return (joint / chance).log()


def factorize(
    matrix: Float[Tensor, "vocab contexts"], features: int
) -> Float[Tensor, "vocab features"]:
    """Word vectors from a truncated singular value decomposition: ``U * sqrt(S)``.

    Raises
    ------
    ValueError
        If the matrix has fewer singular values.
    """
    if not 1 <= features <= min(matrix.shape):
        raise ValueError(f"{features} features of a matrix of {tuple(matrix.shape)}")
    left, stretch, _ = torch.linalg.svd(matrix, full_matrices=False)
    return left[:, :features] * stretch[:features].sqrt()


def cos_add(
    words: Float[Tensor, "vocab features"], a: int, a_star: int, b: int
) -> Float[Tensor, " vocab"]:
    """Cosine of each word with ``a_star - a + b``, all words of length one."""
    words = unit(words)
    target = words[a_star] - words[a] + words[b]
    return cosine(words, target.expand_as(words))


def solve_analogy(
    words: Float[Tensor, "vocab features"], a: int, a_star: int, b: int
) -> int:
    """Word that is to ``b`` as ``a_star`` is to ``a``, other than these three.

    Raises
    ------
    ValueError
        If there is no other word.

    Examples
    --------
    >>> words = torch.tensor([[1.0, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1]])
    >>> solve_analogy(words, a=0, a_star=1, b=2)
    3
    """
    if len(words) <= len({a, a_star, b}):
        raise ValueError(f"{len(words)} words leave none for the answer")
    scores = cos_add(words, a, a_star, b)
    scores[[a, a_star, b]] = -math.inf
    return int(scores.argmax())


def mean_difference(
    present: Float[Tensor, "samples features"], absent: Float[Tensor, "others features"]
) -> Float[Tensor, " features"]:
    """Mean of the vectors with a property, minus the mean of those without it.

    Raises
    ------
    ValueError
        If there are no vectors on one of the two sides.
    """
    if not (len(present) and len(absent)):
        raise ValueError(
            f"{len(present)} vectors with the property, {len(absent)} without"
        )
    return present.mean(dim=0) - absent.mean(dim=0)


def project(
    x: Float[Tensor, "*batch features"], direction: Float[Tensor, " features"]
) -> tuple[Float[Tensor, "*batch features"], Float[Tensor, "*batch features"]]:
    """Projection of ``x`` onto a direction, and the rest, which is orthogonal to it.

    In ``float16``, the length of the projection must be below 65504.

    Raises
    ------
    ValueError
        If the direction is zero.

    Examples
    --------
    >>> project(torch.tensor([3.0, 4.0]), torch.tensor([2.0, 0.0]))
    (tensor([3., 0.]), tensor([0., 4.]))
    """
    if not direction.any():
        raise ValueError("cannot project onto a direction of length zero")
    direction = unit(direction)
    along = (x @ direction)[..., None] * direction
    return along, x - along


def by_columns(
    matrix: Float[Tensor, "out features"], x: Float[Tensor, " features"]
) -> Float[Tensor, " out"]:
    """``matrix @ x`` as a combination of columns, with the coefficients ``x``."""
    total = matrix.new_zeros(len(matrix))
    for amount, column in zip(x, matrix.T, strict=True):
        total = total + amount * column
    return total


def by_rows(
    matrix: Float[Tensor, "out features"], x: Float[Tensor, " features"]
) -> Float[Tensor, " out"]:
    """``matrix @ x`` as dot products of ``x`` with each row."""
    return torch.stack([(row * x).sum() for row in matrix])


def by_axes(
    matrix: Float[Tensor, "out features"], x: Float[Tensor, " features"]
) -> Float[Tensor, " out"]:
    """``matrix @ x`` as rotation, stretching along the axes, and rotation."""
    left, stretch, right = torch.linalg.svd(matrix, full_matrices=False)
    rotated = right @ x
    stretched = stretch * rotated
    return left @ stretched
