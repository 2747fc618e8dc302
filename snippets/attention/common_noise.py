"""Two attention maps whose scores have noise in common, and one signal.

Axes::

    samples  independent draws
    keys     the signal is at key 0, and raises the score of the first map by 4
"""

import torch
from jaxtyping import Float
from torch import Tensor


def noisy_maps(
    samples: int, keys: int, *, common: float, private: float
) -> Float[Tensor, "2 samples keys"]:
    """Draw both maps; ``common`` and ``private`` are standard deviations of scores.

    Examples
    --------
    Without noise, the first of four keys has e^4 / (e^4 + 3) of the first map:

    >>> noisy_maps(1, 4, common=0.0, private=0.0)[:, 0, 0]
    tensor([0.9479, 0.2500])
    """
    scores = common * torch.randn(samples, 1, keys)
    scores = scores + private * torch.randn(samples, 2, keys)
    scores[:, 0, 0] += 4
    return scores.softmax(dim=-1).movedim(1, 0)


def share(
    weights: Float[Tensor, "samples keys"], key: Tensor | int = 0
) -> Float[Tensor, ""]:
    """Part of the absolute weights that is on ``key``; a mean over samples.

    Examples
    --------
    >>> share(torch.tensor([[0.3, -0.1, 0.2]]))
    tensor(0.5000)
    """
    on_key = weights.abs()[torch.arange(len(weights)), key]
    return (on_key / weights.abs().sum(dim=-1)).mean()
