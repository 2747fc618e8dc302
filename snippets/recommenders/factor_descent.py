"""Biases and factors by stochastic gradient descent, in NumPy and in PyTorch.

The updates are those of Koren, Bell and Volinsky (2009), in mini-batches.

Glossary::

    e_ui          errors         rating minus prediction
    gamma         rate           length of a step
    lambda        penalty        weight of squares, for each rating of a batch

Axes::

    ratings          all that there are to learn from
    batch            numbers of the ratings of a step
    users, items     rows of the tables of parameters
    factors          entries of a row
"""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor, nn

from snippets.recommenders.matrix_factorization import Factors, predict
from snippets.recommenders.rating_biases import Biases


def sgd(
    users: Int[ndarray, " ratings"],
    items: Int[ndarray, " ratings"],
    values: Float[ndarray, " ratings"],
    start: tuple[Biases, Factors],
    batches: Iterable[Int[ndarray, " _"]],
    rate: float,
    penalty: float,
) -> tuple[Biases, Factors]:
    """Biases and factors after a step of gradient descent for each batch of ratings."""
    mean, (b_u, b_i), (P, Q) = start[0].mean, start[0][1:], start[1]
    b_u, b_i, P, Q = b_u.copy(), b_i.copy(), P.copy(), Q.copy()
    for batch in batches:
        u, i = users[batch], items[batch]
        errors = values[batch] - predict(u, i, Biases(mean, b_u, b_i), Factors(P, Q))
        p, q = P[u], Q[i]  # both from before the step
        # a user may be in the batch twice: add.at adds both updates, P[u] += only one
        np.add.at(b_u, u, rate * (errors - penalty * b_u[u]))
        np.add.at(b_i, i, rate * (errors - penalty * b_i[i]))
        np.add.at(P, u, rate * (errors[:, None] * q - penalty * p))
        np.add.at(Q, i, rate * (errors[:, None] * p - penalty * q))
    return Biases(mean, b_u, b_i), Factors(P, Q)


class BiasedFactors(nn.Module):
    """The same model: rows of four tables, looked up by number."""

    def __init__(self, users: int, items: int, factors: int, mean: float = 0.0) -> None:
        super().__init__()
        self.mean = mean
        self.user_biases = nn.Embedding(users, 1)
        self.item_biases = nn.Embedding(items, 1)
        self.user_factors = nn.Embedding(users, factors)
        self.item_factors = nn.Embedding(items, factors)
        for table in (self.user_biases, self.item_biases):
            nn.init.zeros_(table.weight)
        for table in (self.user_factors, self.item_factors):
            nn.init.normal_(table.weight, std=0.01)  # the default is 1

    def forward(
        self, users: Int[Tensor, " batch"], items: Int[Tensor, " batch"]
    ) -> Float[Tensor, " batch"]:
        """Predicted ratings."""
        biases = self.user_biases(users) + self.item_biases(items)
        product = self.user_factors(users) * self.item_factors(items)
        return self.mean + biases[:, 0] + product.sum(dim=-1)

    def squares(
        self, users: Int[Tensor, " batch"], items: Int[Tensor, " batch"]
    ) -> Float[Tensor, ""]:
        """Sum of squares of the rows that a batch looks up, as often as it does."""
        rows = (
            self.user_biases(users),
            self.user_factors(users),
            self.item_biases(items),
            self.item_factors(items),
        )
        return sum((row**2).sum() for row in rows)


def rating_loss(
    model: BiasedFactors,
    users: Int[Tensor, " batch"],
    items: Int[Tensor, " batch"],
    values: Float[Tensor, " batch"],
    penalty: float,
) -> Float[Tensor, ""]:
    """Half the squared errors and penalties of a batch: its gradient step is `sgd`."""
    errors = values - model(users, items)
    return ((errors**2).sum() + penalty * model.squares(users, items)) / 2
