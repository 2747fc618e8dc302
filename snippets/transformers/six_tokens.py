"""Six tokens: the probabilities of three experts, a small example."""

import torch
from jaxtyping import Float
from torch import Tensor


def six_tokens() -> Float[Tensor, "tokens experts"]:
    """Probabilities of experts A, B and C; four of six tokens prefer A.

    Examples
    --------
    >>> six_tokens().sum(dim=1).allclose(torch.ones(6))
    True
    """
    percent = [
        [60, 30, 10],
        [55, 10, 35],
        [70, 20, 10],
        [80, 15, 5],
        [10, 48, 42],
        [20, 25, 55],
    ]
    return torch.tensor(percent) / 100
