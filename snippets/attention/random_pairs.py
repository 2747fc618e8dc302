"""Random pairs of a key and a value, and how well a state returns the values.

Axes::

    samples    independent states
    pairs      written into each of them
    key_dim    features of a key: 32
    value_dim  features of a value: 16
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

KEY_DIM, VALUE_DIM = 32, 16


def draw_pairs(
    samples: int, pairs: int, random: torch.Generator
) -> tuple[
    Float[Tensor, "samples 1 pairs key_dim"], Float[Tensor, "samples 1 pairs value_dim"]
]:
    """Keys of length one, and values of variance one; the axis of size 1 is a head.

    Examples
    --------
    >>> key, value = draw_pairs(3, 5, torch.Generator().manual_seed(0))
    >>> key.shape, value.shape
    (torch.Size([3, 1, 5, 32]), torch.Size([3, 1, 5, 16]))
    """
    key = torch.randn(samples, 1, pairs, KEY_DIM, generator=random)
    value = torch.randn(samples, 1, pairs, VALUE_DIM, generator=random)
    return normalize(key, dim=-1), value


def scaled_error(
    output: Float[Tensor, "*axes"], value: Float[Tensor, "*axes"]
) -> float:
    """Squared error over that of the answer zero, after the best common factor.

    Examples
    --------
    Outputs that are all twice too long have no error:

    >>> value = torch.tensor([1.0, 2.0])
    >>> scaled_error(2 * value, value)
    0.0
    """
    factor = (output * value).sum() / output.square().sum()
    error = (factor * output - value).square().sum() / value.square().sum()
    return error.item()
