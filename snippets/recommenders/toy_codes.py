"""Seven items of a hardware store, their codes, and a table of token probabilities.

The code is (department, shelf, size). There are no large items of the last shelf, but
the table gives them a probability, as a trained model would.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

NAMES = ["tools", "paint", "first shelf", "second shelf", "small", "large"]
CODES = torch.tensor(
    [[0, 2, 4], [0, 2, 5], [0, 3, 4], [0, 3, 5], [1, 2, 4], [1, 2, 5], [1, 3, 4]]
)
CHANCES = {
    (): (0.55, 0.45),
    (0,): (0.52, 0.48),
    (1,): (0.7, 0.3),
    (0, 2): (0.6, 0.4),
    (0, 3): (0.55, 0.45),
    (1, 2): (0.8, 0.2),
    (1, 3): (0.5, 0.5),
}


def step(
    prefixes: Int[Tensor, "users beams length"],
) -> Float[Tensor, "users beams vocab"]:
    """Log-probabilities of the next token: two can follow, the others are at 0."""
    users, beams, length = prefixes.shape
    table = torch.zeros(users, beams, len(NAMES))
    for user in range(users):
        for beam in range(beams):
            chances = CHANCES[tuple(prefixes[user, beam].tolist())]
            table[user, beam, 2 * length : 2 * length + 2] = torch.tensor(chances)
    return table.log()
