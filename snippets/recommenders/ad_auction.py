"""Who may show an ad, and for how much: the generalized second-price auction.

Edelman, Ostrovsky and Schwarz (2007), https://doi.org/10.1257/aer.97.1.242, with bids
weighted by click rates. He et al. (2014), https://doi.org/10.1145/2648584.2648589:
probabilities of a model that was trained on a sample of the misses.

Glossary::

    bids    what an advertiser pays for a click at most
    pctr    predicted click-through rate: the probability of a click
    price   what the winner pays for a click
    p, q    probability in the sample, in all data
    w       rate    share of the misses that were kept

Axes::

    auctions   impressions that are sold
    ads        that compete
    slots      places on the page, the best first
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, Real
from numpy import ndarray

Ads = Real[ndarray, "auctions ads"]


class Sale(NamedTuple):
    """The ad in each slot, and its price per click."""

    winner: Int[ndarray, "auctions slots"]
    price: Float[ndarray, "auctions slots"]


def second_price(bids: Ads, pctr: Ads, slots: int = 1) -> Sale:
    """Rank by bid times click rate; pay the smallest bid that keeps the rank.

    An ad without a competitor below it pays nothing: there is no reserve price.

    Raises
    ------
    ValueError
        If a bid is negative, a click rate is not in (0, 1], or there are more slots
        than ads.

    Examples
    --------
    >>> second_price(np.array([[2.0, 3.0]]), np.array([[0.06, 0.03]]))
    Sale(winner=array([[0]]), price=array([[1.5]]))
    """
    if bids.shape != pctr.shape or not 0 < slots <= bids.shape[1]:
        raise ValueError(f"bids {bids.shape}, click rates {pctr.shape}, {slots} slots")
    if not (np.isfinite(bids) & (bids >= 0)).all():
        raise ValueError(f"bids from {bids.min()} to {bids.max()}, none below 0")
    if not ((pctr > 0) & (pctr <= 1)).all():
        raise ValueError(
            f"click rates from {pctr.min()} to {pctr.max()}, not in (0, 1]"
        )
    score = bids * pctr
    order = np.argsort(-score, axis=1, kind="stable")
    ranked = np.take_along_axis(score, order, axis=1)
    following = np.pad(ranked, [(0, 0), (0, 1)])[:, 1 : slots + 1]
    winner = order[:, :slots]
    return Sale(winner, following / np.take_along_axis(pctr, winner, axis=1))


def recalibrate(p: Float[ndarray, "*ads"], rate: float) -> Float[ndarray, "*ads"]:
    """Probabilities in all data, of a model that saw only a share of the misses.

    Examples
    --------
    >>> recalibrate(np.array([0.5, 0.1]), rate=0.01).round(4)
    array([0.0099, 0.0011])
    """
    if not 0 < rate <= 1:
        raise ValueError(f"a share of {rate} of the misses")
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"probabilities from {p.min()} to {p.max()}")
    return p / (p + (1 - p) / rate)
