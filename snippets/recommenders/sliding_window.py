"""Rank a long list by windows that a list-wise ranker can read.

The windows move from the end of the list to its top, as in Sun et al., 2023,
https://arxiv.org/abs/2304.09542.
"""

from collections.abc import Callable

from jaxtyping import Int
from numpy import ndarray


def windows(items: int, size: int, step: int) -> list[slice]:
    """Windows of a list from its end to its top, where the last one begins.

    Examples
    --------
    >>> windows(7, 4, 2)
    [slice(3, 7, None), slice(1, 5, None), slice(0, 4, None)]
    """
    if not 1 <= step < size <= items:
        raise ValueError(f"want 1 <= step < size <= items: {step}, {size}, {items}")
    starts = [*range(items - size, 0, -step), 0]
    return [slice(start, start + size) for start in starts]


def slide(
    order: Int[ndarray, "*runs items"],
    rank: Callable[[Int[ndarray, "*runs size"]], Int[ndarray, "*runs size"]],
    size: int,
    step: int,
) -> Int[ndarray, "*runs items"]:
    """One pass of a sliding window: rank each window, from the end to the top."""
    ranked = order.copy()
    for window in windows(order.shape[-1], size, step):
        ranked[..., window] = rank(ranked[..., window])
    return ranked
