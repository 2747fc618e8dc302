"""A drawn language of twelve words, and analogies between them.

Six nouns have a male and a female form. The expected count of a word in each of 40
contexts is a factor of its noun times a factor of its gender, so that differences
between logarithms of counts do not depend on the noun. Counts are drawn from Poisson
distributions.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

NOUNS, CONTEXTS = 6, 40
PAIRS = ["man woman", "king queen", "uncle aunt", "actor actress", "heir heiress"]
NAMES = " ".join([*PAIRS, "host hostess"]).split()

# (a, a_star, b) of each question; the answer to it is ``b ^ 1``, the partner of b
QUESTIONS = [
    (2 * first + x, 2 * first + 1 - x, 2 * second + x)
    for first in range(NOUNS)
    for second in range(NOUNS)
    for x in (0, 1)
    if first != second
]


def draw_counts(seed: int) -> Float[Tensor, "vocab contexts"]:
    """Counts of twelve words; the male form of noun ``i`` is row ``2 * i``."""
    random = np.random.default_rng(seed)
    noun = random.normal(size=(NOUNS, CONTEXTS)).repeat(2, axis=0)
    gender = np.tile([[-0.4], [0.4]], (NOUNS, 1)) * random.normal(size=CONTEXTS)
    return torch.tensor(random.poisson(np.exp(2 + noun + gender))).double()
