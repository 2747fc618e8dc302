"""Simulated campaigns: click rates that are known to us, and impressions one by one.

Axes::

    worlds         independent campaigns, simulated side by side
    segments       groups of users, equally frequent
    creatives      the ads to choose from
    batches        impressions between two updates of the counts
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray
from scipy.special import betaincinv, ndtr

Rates = Float[ndarray, "worlds segments creatives"]
Counts = Real[ndarray, "worlds segments creatives"]
Choices = Int[ndarray, "worlds batch"]
Policy = Callable[[Counts, Counts, Choices, np.random.Generator], Choices]
SHAPE = (2.0, 60.0)  # click rates are Beta(2, 60): 3.2 % on average


class Run(NamedTuple):
    """Clicks lost to the best creatives so far, and the counts at the end."""

    regret: Float[ndarray, "batches worlds"]
    clicks: Counts
    shows: Counts


def check_rates(rates: Rates) -> None:
    """Raise a ValueError unless all rates are probabilities, and there is one."""
    if not rates.size:
        raise ValueError(f"no world, segment or creative in rates {rates.shape}")
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError(f"rates from {rates.min()} to {rates.max()}, not 0 to 1")


def draw_rates(
    worlds: int,
    segments: int,
    creatives: int,
    rng: np.random.Generator,
    similarity: float = 0.0,
) -> Rates:
    """Click rates, each Beta(2, 60); normal scores of two segments correlate."""
    if not 0 <= similarity <= 1:
        raise ValueError(f"{similarity=} is not between 0 and 1")
    shared = rng.normal(size=(worlds, 1, creatives))
    own = rng.normal(size=(worlds, segments, creatives))
    score = np.sqrt(similarity) * shared + np.sqrt(1 - similarity) * own
    return betaincinv(*SHAPE, ndtr(score))


def best_of(scores: Rates, segment: Choices, rng: np.random.Generator) -> Choices:
    """The creative with the largest score in its segment; ties at random."""
    row = np.take_along_axis(scores, segment[..., None], axis=1)
    ties = row == row.max(axis=-1, keepdims=True)
    return np.where(ties, rng.random(row.shape), -1).argmax(axis=-1)


def counted(cells: Int[ndarray, " impressions"], like: Rates) -> Counts:
    """How often each cell of a table occurs."""
    return np.bincount(cells, minlength=like.size).reshape(like.shape)


def simulate(
    rates: Rates,
    policy: Policy,
    *,
    impressions: int = 20_000,
    batch: int = 50,
    seed: int = 0,
    release: Callable[[Counts], Counts] = lambda counts: counts,
) -> Run:
    """Show ads; the policy sees the clicks and misses of all batches before this one.

    ``release`` maps the counts of a batch to what the policy may see of them.
    """
    check_rates(rates)
    if not 0 < batch <= impressions:
        raise ValueError(f"batches of {batch} in {impressions} impressions")
    worlds, segments, creatives = rates.shape
    rng = np.random.default_rng(seed)
    place = np.arange(worlds)[:, None]
    seen_clicks, seen_misses, clicks, shows = np.zeros((4, *rates.shape))
    best, regret = rates.max(axis=-1), []
    for _ in range(impressions // batch):
        segment = rng.integers(segments, size=(worlds, batch))
        choice = policy(seen_clicks, seen_misses, segment, rng)
        chance = rates[place, segment, choice]
        regret.append((best[place, segment] - chance).sum(axis=1))
        cell = (place * segments + segment) * creatives + choice
        hit = rng.random(chance.shape) < chance
        new = np.stack([counted(cell[hit], rates), counted(cell[~hit], rates)])
        clicks, shows = clicks + new[0], shows + new.sum(axis=0)
        seen = release(new)
        seen_clicks, seen_misses = seen_clicks + seen[0], seen_misses + seen[1]
    return Run(np.cumsum(regret, axis=0), clicks, shows)


def pooled(counts: Counts) -> Counts:
    """The counts of all segments together, in each row."""
    return np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape)


def explore_then_commit(
    rates: Rates, trial: int, rng: np.random.Generator, *, segmented: bool
) -> tuple[Float[ndarray, " worlds"], Float[ndarray, " worlds"]]:
    """An A/B test: regret per impression while all creatives are shown, and after.

    The winner is the creative with the most clicks per impression, in its segment or
    in all of them.
    """
    check_rates(rates)
    each = rng.multinomial(trial, np.full(rates[0].size, 1 / rates[0].size), len(rates))
    shows = each.reshape(rates.shape)
    clicks = rng.binomial(shows, rates)
    if not segmented:
        clicks, shows = pooled(clicks), pooled(shows)
    winner = ((clicks + 1) / (shows + 31)).argmax(axis=-1)[..., None]
    best = rates.max(axis=-1)
    after = best - np.take_along_axis(rates, winner, axis=-1)[..., 0]
    return (best - rates.mean(axis=-1)).mean(axis=1), after.mean(axis=1)
