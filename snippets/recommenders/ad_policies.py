"""Policies for simulated campaigns: from the counts so far to a choice of creatives."""

from collections.abc import Callable, Sequence

import numpy as np

from snippets.recommenders.ad_worlds import Choices, Counts, Policy, best_of
from snippets.recommenders.generative_advertising import (
    Beta,
    linucb,
    posterior,
    thompson,
)
from snippets.recommenders.segment_pooling import fit_strength, partial_pooling

FLAT, ROUGH = (1.0, 1.0), (1.0, 30.0)  # priors: any rate, and about 3 %
STRENGTHS = (10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)


def sampling(
    prior: tuple[float, float],
    view: Callable[[Counts], Counts] = lambda counts: counts,
    sharpness: float = 1.0,
) -> Policy:
    """Thompson sampling from counts as they are viewed, such as pooled ones.

    A sharpness above 1 keeps the means and narrows the distributions.
    """

    def policy(
        clicks: Counts, misses: Counts, segment: Choices, rng: np.random.Generator
    ) -> Choices:
        alpha, beta = posterior(view(clicks), view(misses), prior)
        return thompson(Beta(sharpness * alpha, sharpness * beta), segment, rng)

    return policy


def bounds(alpha: float) -> Policy:
    """LinUCB."""

    def policy(
        clicks: Counts, misses: Counts, segment: Choices, rng: np.random.Generator
    ) -> Choices:
        return best_of(linucb(clicks, misses, alpha), segment, rng)

    return policy


class PartialPooling:
    """Thompson sampling whose prior comes from other segments; for one run.

    The strength is fitted after 10, 20, 40, ... batches.
    """

    def __init__(self, strengths: Sequence[float] = STRENGTHS) -> None:
        self.strengths, self.strength = (
            strengths,
            sorted(strengths)[len(strengths) // 2],
        )
        self.batches, self.due = 0, 10

    def __call__(
        self, clicks: Counts, misses: Counts, segment: Choices, rng: np.random.Generator
    ) -> Choices:
        if self.batches == self.due:
            self.strength = fit_strength(clicks, misses, self.strengths)
            self.due *= 2
        self.batches += 1
        prior = partial_pooling(clicks, misses, self.strength)
        return thompson(Beta(prior.alpha + clicks, prior.beta + misses), segment, rng)
