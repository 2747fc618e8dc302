"""Splits that keep groups together, and a control of what groups give away.

``group_split`` is ``GroupShuffleSplit`` of scikit-learn 1.9. A group of code snippets
is the file that they come from.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int


class Split(NamedTuple):
    """Places of the snippets for training and of those held out, in rising order."""

    train: Int[np.ndarray, " train"]
    held_out: Int[np.ndarray, " held_out"]


def group_split(
    groups: Sequence[str],
    held_out: float,
    random: np.random.Generator | np.random.RandomState,
) -> Split:
    """Hold out a share of the groups, each as a whole.

    If each snippet is a group of its own, this is the usual random split.

    Raises
    ------
    ValueError
        If a side would have no group.

    Examples
    --------
    The snippets of a file stay together:

    >>> train, test = group_split(list("aabbbc"), 0.3, np.random.default_rng(1))
    >>> train, test
    (array([2, 3, 4, 5]), array([0, 1]))
    """
    names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    number = int(np.ceil(held_out * len(names)))
    if not 0 < number < len(names):
        raise ValueError(f"{held_out=} of {len(names)} groups leaves one side empty")
    chosen = random.permutation(len(names))[:number]
    inside = np.isin(place, chosen)
    return Split(np.flatnonzero(~inside), np.flatnonzero(inside))


class Control(NamedTuple):
    """Test snippets, and training without or with other pieces of their files."""

    test: Int[np.ndarray, " test"]
    apart: Int[np.ndarray, " train"]
    among: Int[np.ndarray, " train"]


def sibling_control(split: Split, random: np.random.Generator) -> Control:
    """Test half of the held-out snippets; the other half may replace training data.

    Raises
    ------
    ValueError
        If one of the halves is empty, or larger than the training data.

    Examples
    --------
    >>> split = Split(np.array([0, 1, 2, 3]), np.array([4, 5]))
    >>> sibling_control(split, np.random.default_rng(1))
    Control(test=array([4]), apart=array([0, 1, 2, 3]), among=array([0, 1, 2, 5]))
    """
    train, mixed = split.train, random.permutation(split.held_out)
    test, siblings = np.split(mixed, [len(mixed) // 2])
    if not 0 < len(test) <= len(siblings) < len(train):
        raise ValueError(f"{len(mixed)} held out, {len(train)} for training: too few")
    kept = random.permutation(train)[: len(train) - len(siblings)]
    return Control(np.sort(test), train, np.sort(np.concatenate([kept, siblings])))
