"""Dictionary lookup: entries hold a word and its meaning, questions a word alone.

After the problem DictionaryLookup of Brody et al. (2021),
https://arxiv.org/abs/2105.14491

Axes::

    nodes    of all dictionaries together: 8 entries, then 8 questions, for each
    edges    from each entry to each question of its dictionary
    answers  one for each question
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

WORDS = 8


class Dictionaries(NamedTuple):
    """One-hot words beside one-hot meanings, edges, and the meaning of each word."""

    x: Float[Tensor, "nodes 16"]
    edge_index: Int[Tensor, "2 edges"]
    meaning: Int[Tensor, " answers"]


def dictionaries(count: int, random: torch.Generator) -> Dictionaries:
    """Meanings are drawn at random, so that several words may share one.

    Examples
    --------
    >>> x, edge_index, meaning = dictionaries(3, torch.Generator())
    >>> x.shape, edge_index.shape, len(meaning)
    (torch.Size([48, 16]), torch.Size([2, 192]), 24)
    """
    word = torch.eye(WORDS).expand(count, -1, -1)
    meaning = torch.randint(WORDS, (count, WORDS), generator=random)
    entry = torch.cat([word, one_hot(meaning, WORDS)], dim=2)
    question = torch.cat([word, torch.zeros_like(word)], dim=2)
    pairs = torch.cartesian_prod(torch.arange(WORDS), torch.arange(WORDS)).T
    first = 2 * WORDS * torch.arange(count)
    edges = pairs[:, None] + torch.tensor([[0], [WORDS]])[:, :, None] + first[:, None]
    x = torch.cat([entry, question], dim=1)
    return Dictionaries(x.flatten(0, 1), edges.flatten(1), meaning.flatten())
